package script

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	r := s.Run(sh(`echo "$0 $1 $#"; echo err >&2; exit 3`, "a b", "c"))
	if r.Code != 3 || r.Output != "a b c 1\nerr\n" || r.Err != nil || r.Signal != 0 {
		t.Errorf("%+v", r)
	}
	if r.Asked == 0 || r.Forked < r.Asked || r.Started < r.Forked || r.Ended < r.Started {
		t.Errorf("times %d %d %d %d", r.Asked, r.Forked, r.Started, r.Ended)
	}
	if r := s.Run(sh("kill -SEGV $$")); r.Signal != 11 || r.String() != "ended by signal 11" {
		t.Errorf("%+v", r)
	}
	if r := s.Run(own("/bin/true")); !r.OK() || r.String() != "" {
		t.Errorf("%+v", r)
	}
}

// Regression 93: what can't be run is a failure with its reason.
func TestCannotRun(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	for _, c := range []struct {
		name string
		cmd  Command
		want string
	}{
		{"missing", own("/nonexistent/x"), "could not be run: no such file or directory"},
		{"directory", own("/"), "could not be run: permission denied"},
		{"not executable", own(file(t, "x", "#!/bin/sh\n", 0o644)), "could not be run: permission denied"},
		{"no interpreter", own(file(t, "x", "#!/nonexistent/sh\n", 0o755)), "could not be run: no such file or directory"},
		{"nothing", own(), "could not be run: no program"},
		{"zero byte", own("/bin/echo", "a\x00b"), "could not be run: a zero byte in the command"},
		{"too long", own("/bin/echo", strings.Repeat("x", 200_000)), "could not be run: command too long: 200036 bytes, at most 98304"},
		{"cannot open", opening("/nonexistent"), "could not be run: no such file or directory"},
	} {
		r := s.Run(c.cmd)
		if got := r.String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if r.Started != 0 || r.OK() {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if r := s.Run(own("/bin/echo", "still here")); r.Output != "still here\n" {
		t.Errorf("afterwards: %+v", r)
	}
}

func TestScriptWithoutInterpreterLine(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	path := file(t, "bare", "echo \"$0 $1\"\n", 0o755)
	if r := s.Run(own(path, "arg")); r.Output != path+" arg\n" {
		t.Errorf("%+v", r)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	if r := s.Run(opening(file(t, "f", "", 0o600))); !r.OK() {
		t.Errorf("%+v", r)
	}
}

func TestWireRefusesGarbage(t *testing.T) {
	r := request{cmd: Command{Args: []string{"/bin/x", "", "b"}, UID: 1, GID: 2, Groups: []uint32{3, 4}}, parent: 5, output: true}
	whole := r.append(nil)
	h, err := parse(whole)
	if err != nil || h.uid != 1 || h.gid != 2 || h.parent != 5 || len(h.groups) != 2 || h.nArgs != 3 || !h.output || h.cgroup {
		t.Fatalf("%+v %v", h, err)
	}
	for n := range whole {
		if _, err := parse(whole[:n]); err == nil {
			t.Errorf("cut at %d was taken", n)
		}
	}
}

func FuzzParse(f *testing.F) {
	r := request{cmd: Command{Args: []string{"/bin/x", "b"}, Groups: []uint32{3}}}
	f.Add(r.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parse(b)
		if err == nil && (h.nArgs == 0 || len(h.args) < h.nArgs) {
			t.Errorf("%+v", h)
		}
	})
}
