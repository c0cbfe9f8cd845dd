package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// misbehaving are programs that do what no script should, each once a second or with every transition.
var misbehaving = map[string]string{
	"flood":    "i=0; while [ $i -lt 20000 ]; do echo 'a line of sixty-four octets, of which nobody wants to know anything'; i=$((i+1)); done",
	"stubborn": "trap '' TERM INT HUP; sleep 1000",
	"forks":    "i=0; while [ $i -lt 100 ]; do setsid sleep 2 & i=$((i+1)); done; exit 1",
	"closes":   "exec 0<&- 1>&- 2>&-; kill -9 $$",
	"hangs":    "sleep 1000",
}

// TestScriptsThatMisbehave: whatever scripts, pipes without readers and servers that do not answer do, adverts are on time, a take-over takes as
// long as ever, and the end comes.
func TestScriptsThatMisbehave(t *testing.T) {
	if reference() {
		t.Skip("keepalived has no such limits")
	}
	dir := t.TempDir()
	for name, body := range misbehaving {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var silent net.Listener // nobody accepts what comes
	defer func() {
		if silent != nil {
			silent.Close()
		}
	}()
	p := newPair(t, lab.Keepalived(t), func(f *lab.File) {
		var tracked strings.Builder
		for name := range misbehaving {
			f.Scripts = append(f.Scripts, fmt.Sprintf("vrrp_script %s {\n\tscript %s/%s\n\tinterval 1\n\ttimeout 2\n}", name, dir, name))
			fmt.Fprintf(&tracked, "\t\t%s weight 1\n", name)
		}
		f.Global = []string{
			"script_user root", "vrrp_notify_timeout 1", "vrrp_notify_fifo " + dir + "/pipe",
			"smtp_server 10.0.0.50 2525", "notification_email {\n\t\ta@example.org\n\t}", "smtp_alert_vrrp",
			"vrrp_notify_webhook http://10.0.0.50:2525/",
		}
		f.Routers[0].Priority = 200
		f.Routers[0].Lines = []string{
			"track_script {\n" + tracked.String() + "\t}", "notify_master " + dir + "/hangs", "notify_backup " + dir + "/stubborn", "notify " + dir + "/flood",
			"notify_stop " + dir + "/stubborn",
		}
	})
	err := p.Client.NS.Do(func() (err error) {
		silent, err = net.Listen("tcp4", "10.0.0.50:2525")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.s.Stay(4 * time.Second) // every script has run more than once, or was ended
	lower := p.file
	lower.Routers = append([]lab.Router(nil), p.file.Routers...)
	lower.Routers[0].Priority = 50
	p.s.Move(p.b, 2*downLow, func() { p.a.Daemon().Reload(lower.Text()) })
	p.s.Move(p.a, 2*downHigh, func() { p.a.Daemon().Reload(p.file.Text()) })
	p.s.Stay(downLow)
	f := familyOf(p.a.Daemon())
	p.s.Move(p.b, skewLow, func() { p.a.Daemon().Signal(unix.SIGTERM) })
	if code := p.a.Daemon().Wait(20 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	log := p.a.Daemon().Log()
	for _, bad := range []string{"has shown no heartbeat", "has not answered", "did not answer in time", "Respawning", "did not end in time"} {
		if strings.Contains(log, bad) {
			t.Errorf("a process of ours %s", bad)
		}
	}
	if f.runner == 0 || f.vrrp == 0 {
		t.Errorf("%+v", f)
	}
}
