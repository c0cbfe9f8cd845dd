package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
)

// TestReplace: whoever makes a link of the file's name beforehand has it replaced, and what it pointed to is left alone.
func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "keepalived.data")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := replace(path, []byte("data"), 0o666); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(victim); string(b) != "mine" {
		t.Errorf("the link was followed: %q", b)
	}
	if fi, err := os.Lstat(path); err != nil || !fi.Mode().IsRegular() {
		t.Errorf("%v %v", fi, err)
	}
	if b, _ := os.ReadFile(path); string(b) != "data" {
		t.Errorf("%q", b)
	}
	if err := replace(filepath.Join(dir, "nowhere", "x"), nil, 0o666); err == nil {
		t.Error("no error for a directory that is not there")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPrintedPath: where a dump goes.
func TestPrintedPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ at, tag, want string }{
		{"", "", "/tmp/keepalived.data"},
		{"", ".blue_one", "/tmp/keepalived.blue_one.data"},
		{"/run/ha.dump", "", "/run/ha.dump"},
		{"ha.dump", "", "/tmp/ha.dump"},
		{"/var/lib/ha/", "", "/var/lib/ha/keepalived.data"},
	} {
		f := printed{name: "keepalived.data", at: c.at}
		if got := f.path("/tmp", c.tag); got != c.want {
			t.Errorf("%q: %q, want %q", c.at, got, c.want)
		}
	}
}

// TestPrintsAreBounded: while the file system hangs, signals are refused with a line after a few, and nothing of the supervisor's waits.
func TestPrintsAreBounded(t *testing.T) {
	t.Parallel()
	s := New(Options{}, Hooks{})
	defer close(s.quit)
	s.log = logs.New(logs.Settings{})
	defer s.log.Close(time.Second)
	s.cfg = &config.Config{}
	hang := make(chan struct{})
	defer close(hang)
	wrote := make(chan struct{}, 1)
	s.write([]printed{{name: "first", text: func() []byte { wrote <- struct{}{}; <-hang; return nil }}})
	<-wrote
	for range 2 * maxPrinting {
		s.write([]printed{{name: "more", text: func() []byte { return nil }}})
	}
	defer close(s.prints)
	if n := len(s.prints); n != maxPrinting {
		t.Errorf("%d wait, want %d", n, maxPrinting)
	}
}

// TestADumpIsClosedUnderItsName: VyOS waits with inotify until a file of this name, which was open for writing, is closed, and reads it then.
func TestADumpIsClosedUnderItsName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CLOSE_WRITE); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a new file, and one that is there
		if err := replace(filepath.Join(dir, "keepalived.json"), []byte("[]"), 0o666); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := unix.Read(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimRight(string(buf[unix.SizeofInotifyEvent:n]), "\x00"); name != "keepalived.json" {
			t.Errorf("%q was closed", name)
		}
	}
}
