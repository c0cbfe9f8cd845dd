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
