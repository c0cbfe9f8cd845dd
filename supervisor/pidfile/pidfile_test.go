package pidfile

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLifeOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keepalived", "x.pid")
	old := unix.Umask(0o177)
	f, err := Create(path)
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(1234567); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(42); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "42\n" {
		t.Fatalf("%q", got)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o644 {
		t.Fatal(st.Mode())
	}
	if _, err := Create(path); !errors.Is(err, ErrRunning) {
		t.Fatal(err)
	}
	f.Clear()
	if got, _ := os.ReadFile(path); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	f.Remove()
	if _, err := os.Lstat(path); err == nil {
		t.Fatal("still there")
	}
	(*File)(nil).Remove()
}

func TestStaleFileIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	os.WriteFile(path, []byte("99999999\n"), 0o600)
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	if got, _ := os.ReadFile(path); len(got) != 0 {
		t.Fatalf("%q", got)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	os.WriteFile(victim, []byte("precious"), 0o600)
	os.Symlink(victim, filepath.Join(dir, "soft"))
	os.Link(victim, filepath.Join(dir, "hard"))
	unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600)
	for _, name := range []string{"soft", "hard", "fifo", "", "no/such/dir"} {
		if f, err := Create(filepath.Join(dir, name)); err == nil {
			f.Remove()
			t.Errorf("%q was accepted", name)
		}
	}
	if got, _ := os.ReadFile(victim); string(got) != "precious" {
		t.Fatalf("%q", got)
	}
}

// Many that start and stop at the same time: never do two hold the file.
func TestOnlyOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	var holders, won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 300 {
				f, err := Create(path)
				if errors.Is(err, ErrRunning) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				won.Add(1)
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d holders", n)
				}
				holders.Add(-1)
				f.Remove()
			}
		})
	}
	wg.Wait()
	if won.Load() == 0 {
		t.Fatal("nobody ever got it")
	}
}
