package syslog

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func listen(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func read(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, 16<<10)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

var at = time.Date(2026, 11, 2, 15, 4, 5, 0, time.Local)

func TestFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := listen(t, path)
	w := New(path, Daemon, 0)
	defer w.Close()
	if err := w.Write(at, Info, "Keepalived_vrrp", 42, "(VI_1) Entering MASTER STATE"); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, c), "<30>Nov  2 15:04:05 Keepalived_vrrp[42]: (VI_1) Entering MASTER STATE"; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	w.Write(at, Info, "x", 1, strings.Repeat("y", 1<<20))
	if got := read(t, c); len(got) > MaxText+64 {
		t.Fatal(len(got))
	}
}

func TestDaemonComesLateAndRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w := New(path, Daemon, 0)
	defer w.Close()
	for i := range 3 {
		if err := w.Write(at.Add(time.Duration(i)*time.Millisecond), Info, "a", 1, "nobody listens"); err == nil {
			t.Fatal("no error")
		}
	}
	c := listen(t, path)
	if err := w.Write(at.Add(2*time.Second), Info, "a", 1, "now"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); !strings.HasSuffix(got, "holdfast: 3 log lines were lost before this one") {
		t.Fatal(got)
	}
	if got := read(t, c); !strings.HasSuffix(got, ": now") {
		t.Fatal(got)
	}
	c.Close()
	os.Remove(path)
	c = listen(t, path)
	if err := w.Write(at.Add(3*time.Second), Info, "a", 1, "again"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); !strings.HasSuffix(got, ": again") {
		t.Fatal(got)
	}
}

// A log daemon that does not read must cost lines and not time.
func TestBlockedDaemonCostsLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := listen(t, path)
	w := New(path, Daemon, time.Millisecond)
	defer w.Close()
	sent := 0
	for w.Lost() == 0 {
		if err := w.Write(at, Info, "a", 1, fmt.Sprint("line ", sent)); err == nil {
			sent++
		}
		if sent > 1<<20 {
			t.Fatal("never full")
		}
	}
	for range 1000 {
		w.Write(at, Info, "a", 1, "lost")
	}
	lost := w.Lost()
	if lost < 1000 {
		t.Fatal(lost)
	}
	for i := range sent {
		if got := read(t, c); !strings.HasSuffix(got, fmt.Sprint("line ", i)) {
			t.Fatal(got)
		}
	}
	if err := w.Write(at, Info, "a", 1, "free"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); !strings.HasSuffix(got, fmt.Sprintf("%d log lines were lost before this one", lost)) {
		t.Fatal(got)
	}
}

func TestDescriptorIsNotInherited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listen(t, path)
	w := New(path, Daemon, 0)
	defer w.Close()
	w.Write(at, Info, "a", 1, "x")
	if fl, err := unix.FcntlInt(uintptr(w.fd), unix.F_GETFD, 0); err != nil || fl&unix.FD_CLOEXEC == 0 {
		t.Fatal(fl, err)
	}
}

func TestParseFacility(t *testing.T) {
	for s, want := range map[string]Facility{"0": Local0, "7": Local7, "local3": Local0 + 3, "user": User, "daemon": Daemon} {
		if got, err := ParseFacility(s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "8", "-1", "local", "local8", "local10", "mail", "DAEMON"} {
		if _, err := ParseFacility(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}
