package runner

import (
	"testing"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
)

func TestJournal(t *testing.T) {
	f, err := role.MemFile("journal")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	open := func() *journal {
		t.Helper()
		j, err := openJournal(dup(t, f))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	ev := notify.Event{Seq: 3, Times: notify.Times{Decided: 30}}
	far := notify.Event{Seq: 3 + journalEntries, Times: notify.Times{Decided: 40}}
	a := open()
	a.begin(&ev, 0)
	a.begin(&ev, 1)
	a.begin(&notify.Event{}, 0) // of a former vrrp process: not ours to remember
	b := open()
	if n := b.begun(&ev); n != 2 {
		t.Errorf("%d", n)
	}
	other := ev
	other.Times.Decided++ // the same number of another vrrp process
	for _, e := range []*notify.Event{&other, &far, {Seq: 4}, {}} {
		if n := b.begun(e); n != 0 {
			t.Errorf("%+v: %d", e, n)
		}
	}
	b.begin(&far, 0)
	if a.begun(&ev) != 0 || a.begun(&far) != 1 {
		t.Error("the later event did not take the place of the one far before it")
	}
}

func TestJournalOfSomethingElse(t *testing.T) {
	f, err := role.MemFile("status page")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(dup(t, f)); err == nil {
		t.Error("took another file for the journal")
	}
	if st, _ := f.Stat(); st.Size() != 4096 {
		t.Error("changed it")
	}
}

// A reload that takes the first of two pipes away and adds another: what was written to the one that stays counts for it under its new number, and
// not for the one that has its old number now.
func TestPipesChangePlaces(t *testing.T) {
	j, err := openJournal(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &pipes{r: &runner{journal: j}, list: map[string]*pipe{}}
	for i, path := range []string{"/a", "/b"} {
		s.list[path] = &pipe{spec: notify.PipeSpec{Path: path}, index: i}
	}
	ev := &notify.Event{Seq: 7, Times: notify.Times{Decided: 1}}
	j.begin(ev, 2)
	j.write(ev, &s.list["/a"].index, false)
	j.write(ev, &s.list["/b"].index, false)
	s.renumber([]notify.PipeSpec{{Path: "/b"}, {Path: "/c"}})
	if s.list["/b"].index != 0 || s.list["/a"].index != -1 || !j.written(ev, 0) || j.written(ev, 1) || j.begun(ev) != 3 {
		t.Errorf("/b is %d, /a is %d, %b", s.list["/b"].index, s.list["/a"].index, j.slot(7).steps)
	}
	j.write(ev, &s.list["/a"].index, false) // it writes its last lines
	if j.written(ev, 1) {
		t.Error("a line of a pipe that is gone counts for another")
	}
}
