package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/notify"
)

// The journal remembers which scripts were begun of the latest events, so that a runner which takes the place of one that
// crashed begins none of them again. It is a memory file that the supervisor keeps while runners come and go.
type journal struct {
	mu      sync.Mutex // pipes write in it from goroutines of their own
	entries []entry
	gone    []byte // what was deleted and not told; nil without a file
}

// entry belongs to the event with this Seq, decided at this instant: Seq alone may be another vrrp process's.
type entry struct {
	seq     uint64
	decided int64
	steps   uint64 // begun; 0 while the others are being written. From bit pipeBit on: the pipes that have its line
}

const (
	pipeBit  = 8
	stepMask = 1<<pipeBit - 1
)

const (
	journalEntries = 1 << 14
	// JournalSize is the size of the memory file that holds the journal, in bytes.
	JournalSize = entriesSize + goneHead + 2*goneSize

	entriesSize = journalEntries * int(unsafe.Sizeof(entry{}))
	// Two places for the list of what was deleted: it is written to the one that does not count, then that is made to count.
	goneHead = 24 // which of them counts: 0 none, 1, 2; and the length of each
	goneSize = 1 << 20
)

// openJournal maps f, which is made large enough; without f the journal lasts as long as this process.
func openJournal(f *os.File) (*journal, error) {
	if f == nil {
		return &journal{entries: make([]entry, journalEntries)}, nil
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
	return &journal{entries: unsafe.Slice((*entry)(unsafe.Pointer(&b[0])), journalEntries), gone: b[entriesSize:]}, nil
}

func (j *journal) slot(seq uint64) *entry { return &j.entries[seq%journalEntries] }

// of reports whether a slot is this event's.
func (e *entry) of(ev *notify.Event) bool {
	return ev.Seq != 0 && e.seq == ev.Seq && clock.Instant(e.decided) == ev.Times.Decided
}

// claim gives the event its slot.
func (j *journal) claim(ev *notify.Event) *entry {
	e := j.slot(ev.Seq)
	if !e.of(ev) {
		atomic.StoreUint64(&e.steps, 0)
		atomic.StoreUint64(&e.seq, ev.Seq)
		atomic.StoreInt64(&e.decided, int64(ev.Times.Decided))
	}
	return e
}

// begun is how many scripts of the event a former runner has begun.
func (j *journal) begun(ev *notify.Event) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.slot(ev.Seq)
	if !e.of(ev) {
		return 0
	}
	return int(min(atomic.LoadUint64(&e.steps)&stepMask, 16))
}

// begin notes that the script with this number, from 0, is about to begin.
func (j *journal) begin(ev *notify.Event, step int) {
	if ev.Seq == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.claim(ev)
	atomic.StoreUint64(&e.steps, atomic.LoadUint64(&e.steps)&^stepMask|uint64(step+1))
}

// written reports whether a former runner has written the event's line to a pipe.
func (j *journal) written(ev *notify.Event, pipe int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.slot(ev.Seq)
	return e.of(ev) && atomic.LoadUint64(&e.steps)&(1<<(pipeBit+pipe)) != 0
}

// moveBits makes the bits of pipes those of their new places: to[i] is where the pipe with number i has gone, -1 for nowhere. moved is called
// before anybody else can write.
func (j *journal) moveBits(to []int, moved func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.entries {
		e := &j.entries[i]
		steps := atomic.LoadUint64(&e.steps)
		next := steps & stepMask
		for from, at := range to {
			if at >= 0 && steps&(1<<(pipeBit+from)) != 0 {
				next |= 1 << (pipeBit + at)
			}
		}
		if next != steps {
			atomic.StoreUint64(&e.steps, next)
		}
	}
	moved()
}

// write notes that a line is about to be written to a pipe, or with undone that it was not. The pipe's number is read only while nobody else
// writes: a reload may change it.
func (j *journal) write(ev *notify.Event, pipe *int, undone bool) {
	if ev.Seq == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if *pipe < 0 {
		return // the configuration has it no more
	}
	e := j.claim(ev)
	steps := atomic.LoadUint64(&e.steps) | 1<<(pipeBit+*pipe)
	if undone {
		steps &^= 1 << (pipeBit + *pipe)
	}
	atomic.StoreUint64(&e.steps, steps)
}

// keep notes which deleted instances are still to be told of. It reports whether there was room.
func (j *journal) keep(list []notify.Departed) bool {
	if j.gone == nil {
		return true
	}
	text, err := json.Marshal(list)
	if err != nil || len(text) > goneSize {
		atomic.StoreUint64(j.head(0), 0)
		return false
	}
	place := uint64(1)
	if atomic.LoadUint64(j.head(0)) == 1 {
		place = 2
	}
	copy(j.place(place), text)
	atomic.StoreUint64(j.head(int(place)), uint64(len(text)))
	atomic.StoreUint64(j.head(0), place)
	return true
}

// kept is what a former runner has noted.
func (j *journal) kept() (list []notify.Departed) {
	if j.gone == nil {
		return nil
	}
	place := atomic.LoadUint64(j.head(0))
	if place != 1 && place != 2 {
		return nil
	}
	size := min(atomic.LoadUint64(j.head(int(place))), goneSize)
	if json.Unmarshal(j.place(place)[:size], &list) != nil {
		return nil
	}
	return list
}

func (j *journal) head(i int) *uint64 { return (*uint64)(unsafe.Pointer(&j.gone[8*i])) }

func (j *journal) place(n uint64) []byte {
	at := goneHead + int(n-1)*goneSize
	return j.gone[at : at+goneSize]
}
