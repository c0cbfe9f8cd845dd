package supervisor

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/host/kernel"
	"holdfast.dev/supervisor/logs"
)

// igmpReports says whether the kernel reports memberships of link-local groups, 224.0.0.0/24, in the network namespace of whoever opens it.
const igmpReports = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"

// igmpNote is what is written down of the setting, for whoever cleans up behind a daemon that was killed.
type igmpNote struct {
	Boot      string `json:"boot_id"`
	Namespace uint64 `json:"network_namespace"`
	Reports   string `json:"igmp_link_local_mcast_reports"` // as it was found
}

// quietIGMP does what disable_local_igmp asks for, which loudIGMP undoes (rule L16). What a killed daemon has left is put right before.
func (s *Supervisor) quietIGMP(cfg *config.Config) {
	s.troubles(restoreIGMP(s.paths.igmp))
	if !cfg.Global.VRRP.NoLocalIGMP {
		return
	}
	old, err := readIGMP()
	if err == nil && old != "0" {
		if err = noteIGMP(s.paths.igmp, old); err != nil {
			s.say(logs.Warning, "disable_local_igmp: the setting will not be restored after a crash: %v", err)
		}
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

func readIGMP() (string, error) {
	b, err := os.ReadFile(igmpReports)
	return strings.TrimSpace(string(b)), err
}

// loudIGMP leaves the setting as it was found, unless somebody has changed it meanwhile.
func (s *Supervisor) loudIGMP() {
	if s.oldIGMP != "" {
		s.troubles(undoIGMP(s.oldIGMP), remove(s.paths.igmp))
	}
}

func undoIGMP(old string) error {
	if now, err := readIGMP(); err != nil || now != "0" {
		return err
	}
	return os.WriteFile(igmpReports, []byte(old), 0)
}

// noteIGMP writes down how the setting was found.
func noteIGMP(path, old string) error {
	here, err := kernel.Here()
	if err != nil {
		return err
	}
	text, err := json.Marshal(igmpNote{Boot: here.Boot, Namespace: here.Namespace, Reports: old})
	if err != nil {
		return err
	}
	return kernel.WriteFile(path, append(text, '\n'))
}

// restoreIGMP undoes what a daemon did that was killed, as it has written down. A note of another boot, or another network namespace, says
// nothing about here.
func restoreIGMP(path string) error {
	text, err := kernel.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	here, err := kernel.Here()
	if err != nil {
		return err
	}
	var note igmpNote
	if json.Unmarshal(text, &note) == nil && note.Boot == here.Boot && note.Namespace == here.Namespace && note.Reports == "1" {
		err = undoIGMP(note.Reports)
	}
	return errors.Join(err, remove(path))
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
