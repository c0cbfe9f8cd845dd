package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/api"
	"holdfast.dev/interop/lab"
	"holdfast.dev/status/view"
)

// asker asks a daemon how it is.
type asker struct {
	t      *testing.T
	l      *lab.Lab
	client *api.Client
}

// event waits for an event for which want holds.
func (a *asker) event(what string, want func(e *view.Event) bool) (found view.Event) {
	a.t.Helper()
	a.l.WaitFor(what, 20*second, func() bool {
		events, err := a.client.Events(api.MaxEvents, "")
		if err != nil {
			return false // the process that answers may just be started
		}
		for i := range events {
			if want(&events[i]) {
				found = events[i]
				return true
			}
		}
		return false
	})
	return found
}

// TestWindow: a running daemon can be asked how it is and where the time of a transition went; who answers may die, and nobody but root
// and a group may ask. Incident 2 is part of it: the process that starts scripts stands still, the election does not notice, and the
// event says where the time went.
func TestWindow(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("it has no such window")
	}
	l := lab.New(t, lab.Options{Nodes: 1})
	n := l.Nodes[0]
	r := media[0].router(n, n, 100)
	r.Lines = []string{"notify_master /bin/true", "notify_fault /bin/true", "authentication {\n\t\tauth_type PASS\n\t\tauth_pass s3cretz\n\t}"}
	d := n.Start(ours(t), lab.File{Global: []string{"script_user root"}, Routers: []lab.Router{r}}.Text())
	path := filepath.Join(d.Dir, "main.sock")
	a := &asker{t, l, api.NewClient(path)}
	defer a.client.Close()

	master := func(e *view.Event) bool { return e.To == "MASTER" && e.Done }
	first := a.event("it is MASTER and its script has ended", master)
	if len(first.Steps) != 7 || len(first.Scripts) != 1 || first.Scripts[0].EndedUS == nil || first.Why != "advert timeout" {
		t.Errorf("the first transition to MASTER: %+v", first)
	}
	if st, err := os.Lstat(path); err != nil || st.Mode() != os.ModeSocket|0o660 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	st, err := a.client.Status()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(st)
	if in := &st.Instances[0]; in.State != "MASTER" || in.Addresses[0].Held != "yes" || in.Last == nil || strings.Contains(string(text), "s3cretz") {
		t.Errorf("%s", text)
	}

	n.Unplug()
	a.event("it is in FAULT and has said so", func(e *view.Event) bool { return e.To == "FAULT" && e.Done })
	runner := familyOf(d).runner
	if err := unix.Kill(runner, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Kill(runner, unix.SIGCONT) }()
	n.Plug()
	late := a.event("it is MASTER again", func(e *view.Event) bool { return e.To == "MASTER" && e.ID != first.ID && len(e.Steps) == 7 })
	l.WaitFor("some time to pass", 20*second, func() bool { return time.Since(late.Time) > 2*second })
	if st, err = a.client.Status(); err != nil || st.Instances[0].State != "MASTER" {
		t.Errorf("%+v %v", st, err)
	}
	if err := unix.Kill(runner, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	late = a.event("the script has ended", func(e *view.Event) bool { return e.ID == late.ID && e.Done })
	// On a machine that stands still itself another step of the script may have taken even longer.
	if !strings.Contains(late.Slowest, "passed until notify_master") || *late.Scripts[0].StartedUS-late.Scripts[0].QueuedUS < 1e6 {
		t.Errorf("the slow step is %q: %+v", late.Slowest, late)
	}

	for _, pid := range children(familyOf(d).supervisor) {
		if strings.HasSuffix(comm(pid), "-aux") {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	again := a.event("another process answers", func(e *view.Event) bool { return e.ID == late.ID })
	if again.Slowest != late.Slowest {
		t.Errorf("the other process says %q, the first %q", again.Slowest, late.Slowest)
	}
	d.Stop()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket outlives the daemon")
	}
}
