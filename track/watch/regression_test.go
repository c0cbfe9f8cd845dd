package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast.dev/track"
)

// What went wrong in other VRRP daemons: docs/regressions.md.

func TestRegressionB41_ReloadLeavesTheFileAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "-254\n")
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	b := newBook()
	w := inotifyOnly(t, b)
	spec := track.FileSpec{Name: "f", Path: path}
	w.Apply([]track.FileSpec{spec}, false)
	b.value(t, "f", -254)
	for i := range 20 { // another file comes and goes, so that it is seen when all of it was read
		marker := filepath.Join(t.TempDir(), "marker")
		write(t, marker, "1")
		w.Apply([]track.FileSpec{spec, {Name: fmt.Sprint(i), Path: marker}}, true)
		b.value(t, fmt.Sprint(i), 1)
		if st := b.state("f"); st.Value != -254 || st.Status != track.Up {
			t.Errorf("reload %d: %+v", i, st)
		}
	}
	text, err := os.ReadFile(path)
	facts, err2 := os.Stat(path)
	if err != nil || err2 != nil || string(text) != "-254\n" || !facts.ModTime().Equal(old) {
		t.Errorf("%q, of %v: %v %v", text, facts.ModTime(), err, err2)
	}
}

func TestRegressionF96_FileIsDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "-254")
	b := newBook()
	w := inotifyOnly(t, b)
	w.Apply([]track.FileSpec{{Name: "f", Path: path}}, false)
	b.value(t, "f", -254)
	for n := 1; n < 20; n++ {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		b.value(t, "f", 0)
		write(t, path, fmt.Sprint(n))
		b.value(t, "f", n)
	}
}

func TestRegressionF97_ChangedWhileTheWatchIsSetUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBook()
	w := inotifyOnly(t, b) // nothing is looked at but when the kernel tells of a change
	for n := 1; n < 100; n++ {
		name := fmt.Sprint("f", n)
		path := filepath.Join(dir, name)
		write(t, path, "0")
		go func() { _ = os.WriteFile(path, []byte(fmt.Sprint(n)), 0o644) }() // before, after, or in the middle of it
		w.Apply([]track.FileSpec{{Name: name, Path: path}}, n > 1)
		b.value(t, name, n)
	}
}

func TestRegressionF98_RestartStorm(t *testing.T) {
	t.Parallel()
	p, b := newProc(t), newBook()
	w := counting(t, b, p.dir, time.Millisecond)
	w.Apply([]track.ProcessSpec{{Name: "x", Process: "haproxy", Quorum: 3, Max: -1}, {Name: "none", Process: "haproxy", Quorum: 1, Max: -1}}, nil, false)
	b.is(t, "x", track.Down)
	const first = 4_000_000 // beyond 16 and 15 bits
	for n := range 200 {
		p.add(first+n, "haproxy", 'S', "/usr/sbin/haproxy", "-sf", fmt.Sprint(first+n-1))
		if n >= 3 {
			p.remove(first + n - 3)
		}
	}
	b.is(t, "x", track.Up)
	for n := 197; n < 200; n++ {
		p.remove(first + n)
	}
	b.is(t, "x", track.Down)
	b.is(t, "none", track.Down)
}
