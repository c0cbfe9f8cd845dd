package supervisor

import (
	"testing"

	"holdfast.dev/config"
)

// TestPathsOfTheTable: the files of one daemon, by what names it (cli.tsv, rows pidfile).
func TestPathsOfTheTable(t *testing.T) {
	for _, c := range []struct {
		p                 config.Process
		opt               Options
		pid, vrrp, reload string
	}{
		{pid: "/run/keepalived.pid", vrrp: "/run/vrrp.pid", reload: "/run/keepalived.reload"},
		{p: config.Process{UsePidDir: true}, pid: "/run/keepalived/keepalived.pid", vrrp: "/run/keepalived/vrrp.pid", reload: "/run/keepalived/keepalived.reload"},
		{p: config.Process{Instance: "two"}, pid: "/run/keepalived/keepalived_two.pid", vrrp: "/run/keepalived/vrrp_two.pid", reload: "/run/keepalived/keepalived_two.reload"},
		{p: config.Process{Namespace: "blue"}, pid: "/run/keepalived/blue/keepalived.pid", vrrp: "/run/keepalived/blue/vrrp.pid", reload: "/run/keepalived/blue/keepalived.reload"},
		{opt: Options{Namespace: "red", PIDFile: "/x/a.pid"}, pid: "/x/a.pid", vrrp: "/run/keepalived/red/vrrp.pid", reload: "/run/keepalived/red/keepalived.reload"},
	} {
		if got := c.opt.paths(&c.p); got.pid != c.pid || got.vrrp != c.vrrp || got.reload != c.reload {
			t.Errorf("%+v: %+v", c.p, got)
		}
	}
}
