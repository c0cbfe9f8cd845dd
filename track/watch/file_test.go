package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/track"
)

// book writes down what is emitted and said.
type book struct {
	mu   sync.Mutex
	last map[string]track.State
	said []string
}

func newBook() *book { return &book{last: map[string]track.State{}} }

func (b *book) emit(st track.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last[st.Source] = st
}

func (b *book) say(_ string, line track.Say) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, line.Text)
}

func (b *book) heard(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(strings.Join(b.said, "\n"), text)
}

func (b *book) state(name string) track.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[name]
}

// until waits for what must come; the time is only for a broken program.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func (b *book) value(t *testing.T, name string, want int) {
	t.Helper()
	until(t, fmt.Sprintf("%s is %d", name, want), func() bool {
		st := b.state(name)
		return st.Status == track.Up && st.Value == want
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// inotifyOnly looks at files only when the kernel tells of them.
func inotifyOnly(t *testing.T, b *book) *Files {
	w := NewFiles(FileOptions{Emit: b.emit, Say: b.say, Often: time.Hour, Seldom: time.Hour})
	t.Cleanup(w.Close)
	return w
}

func TestFileChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, other := filepath.Join(dir, "f"), filepath.Join(dir, "other")
	write(t, path, "5\n")
	b := newBook()
	w := inotifyOnly(t, b)
	w.Apply([]track.FileSpec{{Name: "f", Path: path}, {Name: "same", Path: path}}, false)
	b.value(t, "f", 5)
	b.value(t, "same", 5)
	write(t, path, "-7")
	b.value(t, "f", -7)
	b.value(t, "same", -7)
	write(t, other, "9")
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	b.value(t, "f", 9)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	b.value(t, "f", 0)
	write(t, path, "12") // regression F96
	b.value(t, "f", 12)
	if err := os.Rename(path, other); err != nil {
		t.Fatal(err)
	}
	b.value(t, "f", 0)
	if err := os.Symlink(other, path); err != nil {
		t.Fatal(err)
	}
	b.value(t, "f", 12)
	write(t, other, "13") // what the link leads to, in the same directory
	b.value(t, "f", 13)
	b.value(t, "same", 13)
	if !b.heard("tracked file f changed from 5 to -7") {
		t.Error(b.said)
	}
	var all []string
	w.Each(func(st track.State) { all = append(all, fmt.Sprint(st.ID(), " ", st.Value)) })
	if got := strings.Join(all, ", "); got != "tracked file f 13, tracked file same 13" {
		t.Error(got)
	}
}

func TestFileTroubles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBook()
	w := inotifyOnly(t, b)
	fifo, text, huge := filepath.Join(dir, "fifo"), filepath.Join(dir, "text"), filepath.Join(dir, "huge")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, text, "down")
	write(t, huge, "3"+strings.Repeat(" ", 1<<20))
	w.Apply([]track.FileSpec{
		{Name: "fifo", Path: fifo}, {Name: "dir", Path: dir}, {Name: "text", Path: text}, {Name: "huge", Path: huge}, {Name: "none", Path: "/dev/null"},
	}, false)
	for name, reason := range map[string]string{
		"fifo": "is not a regular file", "dir": "is not a regular file", "text": "does not begin with a number", "none": "is not a regular file", "huge": "",
	} {
		want := 0
		if name == "huge" {
			want = 3
		}
		b.value(t, name, want)
		if got := b.state(name).Reason; got != reason {
			t.Errorf("%s: %q, want %q", name, got, reason)
		}
	}
	if !b.heard("counts as 0: is not a regular file") {
		t.Error(b.said)
	}
}

// TestFileDirectoryComesLater: what can't be watched is looked at often, until it can.
func TestFileDirectoryComesLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "f")
	b := newBook()
	w := NewFiles(FileOptions{Emit: b.emit, Say: b.say, Often: 5 * time.Millisecond, Seldom: time.Hour})
	defer w.Close()
	w.Apply([]track.FileSpec{{Name: "f", Path: path}}, false)
	b.value(t, "f", 0)
	for n := 1; n < 4; n++ {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, fmt.Sprint(n))
		b.value(t, "f", n)
		write(t, path, fmt.Sprint(n*10))
		b.value(t, "f", n*10)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		b.value(t, "f", 0)
	}
}

func TestFileReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, one, "1")
	write(t, two, "2")
	b := newBook()
	w := inotifyOnly(t, b)
	w.Apply([]track.FileSpec{{Name: "f", Path: one}}, false)
	b.value(t, "f", 1)
	w.Apply([]track.FileSpec{{Name: "f", Path: two}, {Name: "new", Path: one}}, true)
	b.value(t, "f", 2)
	b.value(t, "new", 1)
	write(t, two, "3")
	b.value(t, "f", 3)
	w.Apply(nil, true)
	write(t, two, "4")
	w.Apply([]track.FileSpec{{Name: "f", Path: two}}, true)
	b.value(t, "f", 4)
	w.Close()
	w.Close()
}

// TestManyReloads: no watch, descriptor or goroutine is left behind (regression B46).
func TestManyReloads(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	write(t, path, "1")
	b := newBook()
	w := inotifyOnly(t, b)
	for i := range 1000 {
		if i%2 == 0 {
			w.Apply([]track.FileSpec{{Name: "f", Path: path}, {Name: fmt.Sprint("g", i), Path: path}}, true)
		} else {
			w.Apply([]track.FileSpec{{Name: "f", Path: filepath.Join(dir, "sub", "f")}}, true)
		}
	}
	write(t, path, "7")
	w.Apply([]track.FileSpec{{Name: "f", Path: path}}, true)
	b.value(t, "f", 7)
	until(t, "one watch", func() bool {
		w.watch.mu.Lock()
		defer w.watch.mu.Unlock()
		return len(w.watch.byWD) == 1
	})
}

// TestFileAskedFor: one that we may not open is asked for.
func TestFileAskedFor(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody who is not allowed")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	write(t, path, "6")
	asked := 0
	opened, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b := newBook()
	w := &Files{opt: FileOptions{Emit: b.emit, Say: b.say, Ask: func(track.FileSpec) (*os.File, error) { asked++; return opened, nil }}}
	f := &trackedFile{w: w, state: track.State{Source: "f"}}
	w.files = map[string]*trackedFile{"f": f}
	asNobody(t, func() {
		if _, err := os.Open(path); err == nil {
			t.Error("everybody may open it")
		}
		f.read(&track.FileSpec{Name: "f", Path: path})
	})
	if b.state("f").Value != 6 || asked != 1 {
		t.Errorf("%+v, asked %d times", b.state("f"), asked)
	}
}

// asNobody runs f on a thread that may not look into our directories.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		lockThread()
		if _, _, no := unix.Syscall(unix.SYS_SETFSUID, 65534, 0, 0); no != 0 {
			t.Error(no)
		}
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&hdr, &none[0]); err != nil {
			t.Error(err)
		}
		f()
	}()
	<-done
}
