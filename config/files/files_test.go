package files

import (
	"errors"
	"fmt"
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

// TestReadWhileItIsWritten reads a file that somebody writes all the time, in its place and by putting others there: what
// comes back is of one version, or an error.
func TestReadWhileItIsWritten(t *testing.T) {
	dir := t.TempDir()
	stop, stopped := make(chan struct{}), make(chan struct{})
	put := func(i int) error {
		text := []byte(strings.Repeat(fmt.Sprintf("%08d", i), 1<<15))
		if i%3 > 0 {
			return os.WriteFile(dir+"/f", text, 0o644)
		}
		return errors.Join(os.WriteFile(dir+"/new", text, 0o644), os.Rename(dir+"/new", dir+"/f"))
	}
	if err := put(0); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(stopped)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := put(i); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 300 {
		text, _, err := OS{}.Read(dir + "/f")
		if err != nil && !errors.Is(err, ErrChanged) {
			t.Error(err)
		}
		version := text[:min(8, len(text))] // what is being written may be short
		if strings.ReplaceAll(text, version, "") != text[len(text)-len(text)%8:] && text != version {
			t.Errorf("%d bytes of more than one version, the first of which is %s", len(text), version)
			break
		}
	}
	close(stop)
	<-stopped
}

// meddler is the real file system on which somebody replaces a file as soon as it was read.
type meddler struct {
	OS
	path, by string
}

func (m meddler) Read(path string) (string, expand.Facts, error) {
	text, facts, err := m.OS.Read(path)
	if path == m.path {
		err = os.Rename(m.by, m.path)
	}
	return text, facts, err
}

// TestReplacedMeanwhile replaces an included file while the rest of the configuration is still being read.
func TestReplacedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/main", "include a\ninclude b\n", 0o644)
	write(t, dir+"/a", "old\n", 0o644)
	write(t, dir+"/b", "b\n", 0o644)
	write(t, dir+"/new", "new\n", 0o644)
	var l diag.List
	r := expand.New(meddler{path: dir + "/a", by: dir + "/new"}, dir+"/main", expand.Env{NodeName: "n", Dir: "/"}, &l)
	var got []string
	for line, ok := r.Next(); ok; line, ok = r.Next() {
		got = append(got, line.Text)
	}
	all := l.All()
	if !slices.Equal(got, []string{"old", "b"}) || len(all) != 1 || all[0].Severity != diag.Warning ||
		!strings.Contains(all[0].Text, "changed or replaced while the configuration was read") || all[0].Pos.File.Name != dir+"/a" {
		t.Errorf("%q, %v", got, all)
	}
}
