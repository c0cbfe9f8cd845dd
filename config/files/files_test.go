package files

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/expand"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestStat(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "text", 0o644)
	write(t, dir+"/x", "", 0o755)
	if err := unix.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("f", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]expand.Facts{
		"/f": {Regular: true}, "/x": {Regular: true, Exec: true}, "/fifo": {}, "/link": {Regular: true},
	} {
		got, err := OS{}.Stat(dir + name)
		if err != nil || got.Regular != want.Regular || got.Exec != want.Exec || got.Dir {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := (OS{}).Stat(dir); err != nil || !got.Dir || got.Regular {
		t.Errorf("directory: %+v, %v", got, err)
	}
	if _, err := (OS{}).Stat(dir + "/none"); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("the error must be short: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/big", "", 0o644)
	if err := os.Truncate(dir+"/big", MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		dir + "/fifo": ErrNotRegular, // and it does not wait for a writer
		dir:           ErrNotRegular,
		dir + "/big":  ErrTooLarge,
		"/dev/zero":   ErrNotRegular,
		dir + "/none": unix.ENOENT,
	} {
		if _, _, err := (OS{}).Read(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestReadFollowsReplacement(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "old", 0o644)
	text, before, err := OS{}.Read(dir + "/f")
	if err != nil || text != "old" {
		t.Fatal(text, err)
	}
	write(t, dir+"/new", "new", 0o644)
	if err := os.Rename(dir+"/new", dir+"/f"); err != nil {
		t.Fatal(err)
	}
	text, after, err := OS{}.Read(dir + "/f")
	if err != nil || text != "new" || before.ID == after.ID {
		t.Errorf("%q, %v; the identity stayed %+v", text, err, after.ID)
	}
}

func TestReadWhatClaimsToBeEmpty(t *testing.T) {
	text, _, err := OS{}.Read("/proc/self/status")
	if err != nil || !strings.Contains(text, "Pid:") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestListAndResolve(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/real/b", "", 0o644)
	write(t, dir+"/real/.a", "", 0o644)
	if err := os.Symlink("real", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	names, err := OS{}.List(dir + "/link")
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{".a", "b"}) {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := (OS{}).List(dir + "/real/b"); err == nil {
		t.Error("a file was listed")
	}
	want, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (OS{}).Resolve(dir + "/link"); err != nil || got != want+"/real" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := (OS{}).Resolve(dir + "/none"); err == nil {
		t.Error("what is not there was resolved")
	}
}

// TestExpandOnDisk reads a configuration through the real file system.
func TestExpandOnDisk(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/main", "include sub/*.conf\ninclude sub/fifo\nend\n", 0o644)
	write(t, dir+"/sub/b.conf", "b\n", 0o644)
	write(t, dir+"/sub/a.conf", "a $_PWD\ninclude c\n", 0o644)
	write(t, dir+"/sub/c", "c\n", 0o644)
	write(t, dir+"/sub/exec.conf", "no\n", 0o755)
	if err := unix.Mkfifo(dir+"/sub/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	var l diag.List
	r := expand.New(OS{}, dir+"/main", expand.Env{NodeName: "n", Dir: "/"}, &l)
	var got []string
	for line, ok := r.Next(); ok; line, ok = r.Next() {
		got = append(got, line.Text)
	}
	if want := []string{"a " + real + "/sub", "c", "b", "end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if l.Count(diag.Warning) != 2 || l.ExitCode() != 0 {
		t.Errorf("got %v", l.All())
	}
}
