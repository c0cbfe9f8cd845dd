package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/supervisor/logs"
)

// TestIGMPAfterACrash: what disable_local_igmp has switched off is put back by whoever comes after a daemon that was killed, and not by anybody in
// another network namespace.
func TestIGMPAfterACrash(t *testing.T) {
	t.Parallel()
	if netns.Able() != nil {
		t.Skip("network namespaces can't be made here")
	}
	n, other := nstest.New(t), nstest.New(t)
	quiet := &config.Config{}
	quiet.Global.VRRP.NoLocalIGMP = true
	path := filepath.Join(t.TempDir(), "main.igmp")
	daemon := func(in *netns.NS, cfg *config.Config, stops bool) (reports string) {
		t.Helper()
		nstest.Do(t, in, func() {
			s := &Supervisor{log: logs.New(logs.Settings{})}
			s.paths.igmp = path
			s.quietIGMP(cfg)
			if stops {
				s.loudIGMP()
			}
			var err error
			reports, err = readIGMP()
			nstest.OK(t, err)
			s.log.Close(0)
		})
		return reports
	}
	if got := daemon(n, quiet, false); got != "0" {
		t.Fatalf("switched off: %s", got)
	}
	if got := daemon(n, quiet, true); got != "1" {
		t.Errorf("after a second daemon: %s", got)
	}
	daemon(n, quiet, false)
	if got := daemon(n, &config.Config{}, false); got != "1" {
		t.Errorf("after a daemon that does not want it: %s", got)
	}
	daemon(n, quiet, false)
	nstest.OK(t, other.SetSysctl("net/ipv4/igmp_link_local_mcast_reports", "0"))
	if got := daemon(other, &config.Config{}, true); got != "0" {
		t.Errorf("in another network namespace: %s", got)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the note is still there")
	}
	if v, _ := n.Sysctl("net/ipv4/igmp_link_local_mcast_reports"); strings.TrimSpace(v) != "0" {
		t.Errorf("the first namespace has %s", v)
	}
}
