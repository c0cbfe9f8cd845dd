package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Outputs.md section 4: who may own a named pipe, and that nothing else is opened in its place.
func TestOpenPipe(t *testing.T) {
	dir := t.TempDir()
	me, group := os.Geteuid(), os.Getegid()
	path := filepath.Join(dir, "fifo")
	f, made, err := openPipe(path, me, group)
	if err != nil || made == (inode{}) {
		t.Fatal(made, err)
	}
	st, err := os.Lstat(path)
	if err != nil || st.Mode()&^0o44 != os.ModeNamedPipe|0o600 { // less the umask
		t.Errorf("%v %v", st.Mode(), err)
	}
	if _, err := f.Write([]byte("x")); err != nil { // nobody reads
		t.Error(err)
	}
	f.Close()
	f, again, err := openPipe(path, me, group)
	if err != nil || again != (inode{}) {
		t.Fatal(again, err)
	}
	f.Close()
	if err := removePipe(path, inode{made.dev, made.ino + 1}); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error("a pipe that is another one was removed")
	}
	link, file := filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		link: "it is a symbolic link", file: "it is something else", filepath.Join(dir, "no", "fifo"): "no such file",
	} {
		if _, _, err := openPipe(p, me, group); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if me == 0 {
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if _, _, err := openPipe(path, me, group); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
			t.Error(err)
		}
		if f, _, err := openPipe(path, 12345, group); err != nil {
			t.Error(err)
		} else {
			f.Close()
		}
	}
	if err := removePipe(path, made); err != nil {
		t.Error(err)
	}
	if err := removePipe(path, made); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the pipe is still there")
	}
}
