package script

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What a script finds when it looks at itself (rule R8): all verified from inside.

func TestSignalsInside(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	r := s.Run(own("/bin/cat", "/proc/self/status"))
	for _, want := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "SigCgt:\t0000000000000000"} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("%s not in\n%s", want, r.Output)
		}
	}
}

func TestDescriptorsInside(t *testing.T) {
	t.Parallel()
	f, err := os.Open("/") // something that could leak, and does without O_CLOEXEC
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	s := newStarter(t, Options{})
	// 3 is the directory that ls reads.
	r := s.Run(own("/bin/sh", "-c", "exec ls -l /proc/self/fd"))
	for _, want := range []string{"0 -> /dev/null", "1 -> pipe:", "2 -> pipe:"} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("%s not in\n%s", want, r.Output)
		}
	}
	if n := strings.Count(r.Output, " -> "); n != 4 {
		t.Errorf("%d descriptors:\n%s", n, r.Output)
	}
	c := own("/bin/sh", "-c", "ls -l /proc/self/fd/1 >&2; test \"$(readlink /proc/$$/fd/1)\" = /dev/null")
	c.Capture = false
	if r := s.Run(c); !r.OK() {
		t.Errorf("without capture standard output is something else: %v", r.String())
	}
}

func TestEnvironmentInside(t *testing.T) {
	t.Parallel()
	env := []string{"PATH=/bin:/usr/bin", "IFS=x", "LD_PRELOAD=/nonexistent.so", "LD_LIBRARY_PATH=/nonexistent", "KEEP=me", "LD_OTHER=1"}
	s := newStarter(t, Options{Env: env})
	r := s.Run(own("/usr/bin/env"))
	if r.Output != "PATH=/bin:/usr/bin\nKEEP=me\nLD_OTHER=1\n" {
		t.Errorf("%q", r.Output)
	}
}

// A process group of its own, a parent that is this process (not the launcher), and a signal at our death.
func TestGroupAndParentInside(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	r := s.Run(sh(`read pid comm state ppid pgrp rest </proc/$$/stat; echo $pid $ppid $pgrp`))
	var pid, ppid, pgrp int
	if _, err := fmt.Sscan(r.Output, &pid, &ppid, &pgrp); err != nil || pgrp != pid || ppid != os.Getpid() {
		t.Errorf("%q: %d %d %d", r.Output, pid, ppid, pgrp)
	}
}

func TestLimitsInside(t *testing.T) {
	s := newStarter(t, Options{})
	// The soft limit of files is the one this process was started with, not what Go made of it.
	out, err := runPlain("/bin/sh", "-c", "ulimit -n; ulimit -c")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Run(sh("ulimit -n; ulimit -c")); r.Output != out {
		t.Errorf("limits %q, started by the standard library %q", r.Output, out)
	}
}

func TestUmaskInside(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	out, err := runPlain("/bin/sh", "-c", "umask")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Run(sh("umask")); r.Output != out {
		t.Errorf("umask %q, want %q", r.Output, out)
	}
}

// The launcher may be started by something that is nice, real-time or has signals ignored: its scripts are ordinary.
func TestSchedulingInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to go real-time")
	}
	s, err := asOddOne(t)
	if err != nil {
		t.Skip("no real-time scheduling here: ", err)
	}
	r := s.Run(own("/bin/sh", "-c", "cut -d' ' -f19,41 /proc/$$/stat; grep ^SigIgn /proc/$$/status"))
	if r.Output != "0 0\nSigIgn:\t0000000000000000\n" { // nice, policy
		t.Errorf("%q", r.Output)
	}
}

func TestUserInside(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to change the user")
	}
	s := newStarter(t, Options{})
	c := own("/bin/sh", "-c", "id -u; id -g; id -G; grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status; grep ^Uid: /proc/self/status")
	c.UID, c.GID, c.Groups = 65534, 65533, []uint32{65532, 65531}
	r := s.Run(c)
	want := "65534\n65533\n65533 65531 65532\n"
	if !strings.HasPrefix(r.Output, want) {
		t.Errorf("%q", r.Output)
	}
	if n := strings.Count(r.Output, "\t0000000000000000\n"); n != 4 || !strings.Contains(r.Output, "Uid:\t65534\t65534\t65534\t65534") {
		t.Errorf("%q", r.Output)
	}
	// The signal at our death survives the change of user.
	sig := pdeathsig(t, s, 65534)
	if sig != int(unix.SIGTERM) {
		t.Errorf("signal at parent's death is %d", sig)
	}
	// A path that only that user may not open is not open.
	secret := file(t, "secret", "", 0o600)
	if r := s.Run(Command{Open: secret, UID: 65534, GID: 65534}); r.OK() || !strings.Contains(r.String(), "permission denied") {
		t.Errorf("%q", r.String())
	}
}

func TestChangeOfUserRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may")
	}
	s := newStarter(t, Options{})
	c := own("/bin/true")
	c.UID++
	if r := s.Run(c); r.String() != "could not be run: change of user: operation not permitted" {
		t.Errorf("%q", r.String())
	}
}
