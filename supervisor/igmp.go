package supervisor

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
)

// igmpReports says whether the kernel reports memberships of link-local groups, 224.0.0.0/24, in the network namespace of whoever opens it.
const igmpReports = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"

// quietIGMP does what disable_local_igmp asks for, which loudIGMP undoes (rule L16).
func (s *Supervisor) quietIGMP(cfg *config.Config) {
	if !cfg.Global.VRRP.NoLocalIGMP {
		return
	}
	old, err := os.ReadFile(igmpReports)
	if err == nil && !bytes.Equal(bytes.TrimSpace(old), []byte("0")) {
		if err = os.WriteFile(igmpReports, []byte("0"), 0); err == nil {
			s.oldIGMP = old
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.say(logs.Err, "disable_local_igmp: this kernel can't do without reports of link-local groups")
	case err != nil:
		s.say(logs.Err, "disable_local_igmp: %v", err)
	}
}

// loudIGMP leaves the setting as it was found, unless somebody has changed it meanwhile.
func (s *Supervisor) loudIGMP() {
	if s.oldIGMP == nil {
		return
	}
	if now, err := os.ReadFile(igmpReports); err == nil && bytes.Equal(bytes.TrimSpace(now), []byte("0")) {
		_ = os.WriteFile(igmpReports, s.oldIGMP, 0)
	}
}
