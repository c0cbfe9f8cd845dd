package runner

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/notify"
)

// The journal remembers which scripts were begun of the latest events, so that a runner which takes the place of one that
// crashed begins none of them again. It is a memory file that the supervisor keeps while runners come and go.
type journal struct{ entries []entry }

// entry belongs to the event with this Seq, decided at this instant: Seq alone may be another vrrp process's.
type entry struct {
	seq     uint64
	decided int64
	steps   uint64 // begun; 0 while the others are being written
}

const (
	journalEntries = 1 << 14
	// JournalSize is the size of the memory file that holds the journal, in bytes.
	JournalSize = journalEntries * int(unsafe.Sizeof(entry{}))
)

// openJournal maps f, which is made large enough; without f the journal lasts as long as this process.
func openJournal(f *os.File) (*journal, error) {
	if f == nil {
		return &journal{make([]entry, journalEntries)}, nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if n := st.Size(); n != 0 && n != int64(JournalSize) {
		return nil, fmt.Errorf("journal: a file of %d bytes is something else", n)
	}
	if err := f.Truncate(int64(JournalSize)); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, JournalSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return &journal{unsafe.Slice((*entry)(unsafe.Pointer(&b[0])), journalEntries)}, nil
}

func (j *journal) slot(seq uint64) *entry { return &j.entries[seq%journalEntries] }

// begun is how many scripts of the event a former runner has begun.
func (j *journal) begun(ev *notify.Event) int {
	e := j.slot(ev.Seq)
	if ev.Seq == 0 || e.seq != ev.Seq || clock.Instant(e.decided) != ev.Times.Decided {
		return 0
	}
	return int(min(atomic.LoadUint64(&e.steps), 16))
}

// begin notes that the script with this number, from 0, is about to begin.
func (j *journal) begin(ev *notify.Event, step int) {
	if ev.Seq == 0 {
		return
	}
	e := j.slot(ev.Seq)
	if e.seq != ev.Seq || clock.Instant(e.decided) != ev.Times.Decided {
		atomic.StoreUint64(&e.steps, 0)
		atomic.StoreUint64(&e.seq, ev.Seq)
		atomic.StoreInt64(&e.decided, int64(ev.Times.Decided))
	}
	atomic.StoreUint64(&e.steps, uint64(step+1))
}
