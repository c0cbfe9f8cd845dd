package supervisor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketIsBesideThePidFile(t *testing.T) {
	for pid, want := range map[string]string{
		"/run/keepalived.pid": "/run/keepalived.sock", "/run/keepalived/keepalived_a.pid": "/run/keepalived/keepalived_a.sock", "/x/pid": "/x/pid.sock",
	} {
		if got := Socket(pid); got != want {
			t.Errorf("%s: %s, want %s", pid, got, want)
		}
	}
}

// answers accepts one connection on a window and one connection to its path.
func answers(t *testing.T, w *window, path string) {
	t.Helper()
	l, err := net.FileListener(w.listener)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestWindow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d.sock")
	first, err := listenAt(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Lstat(path)
	if err != nil || st.Mode() != os.ModeSocket|0o660 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	answers(t, first, path)
	// A daemon that was killed leaves its socket; the next one takes its place, and what the first does at its end does not harm it.
	second, err := listenAt(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	first.close()
	answers(t, second, path)
	second.close()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is still there")
	}
	var none *window
	none.close()
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestWindowTakesNobodysPlace: what is no socket is not replaced, and a link is not followed.
func TestWindowTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		if w, err := listenAt(path, 0); err == nil || !strings.Contains(err.Error(), "is no socket") {
			t.Errorf("%s: %v %v", path, w, err)
		}
	}
	if _, err := listenAt(filepath.Join(dir, "none", "s"), 0); err == nil {
		t.Error("a socket in a folder that does not exist")
	}
	if text, err := os.ReadFile(file); string(text) != "mine" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestWindowWithALongName: the kernel takes 107 octets, a path may have more.
func TestWindowWithALongName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := listenAt(filepath.Join(dir, "s"), 0)
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
