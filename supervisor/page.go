package supervisor

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/shm"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
)

// page is the memory through which a role shows what it does, and its heart.
type page struct {
	file *os.File
	page *status.Page
}

// newPage makes the memory. Its size is sealed: a role that cut it would end us.
func newPage() (*page, error) {
	f, err := role.MemFile("holdfast-status")
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(status.Size); err != nil {
		f.Close()
		return nil, fmt.Errorf("status page: %w", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, fmt.Errorf("status page: %w", err)
	}
	mem, err := shm.Map(f, status.Size)
	if err != nil {
		f.Close()
		return nil, err
	}
	p, err := status.Open(mem)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &page{f, p}, nil
}

// pulse notices when a role does not answer. Like heart it counts looks.
type pulse struct {
	asked uint64 // number of the last question
	open  bool   // it was not answered
	looks int    // since it was asked, or answered
}

// pulseRest is how many looks pass between an answer and the next question.
const pulseRest = 5

// look says which question to ask now, 0 for none, and for how many looks one has been open.
func (p *pulse) look() (ask uint64, still int) {
	p.looks++
	switch {
	case p.open:
		return 0, p.looks
	case p.looks < pulseRest:
		return 0, 0
	}
	p.asked++
	p.open, p.looks = true, 0
	return p.asked, 0
}

// pong takes an answer; one to an earlier question counts for nothing.
func (p *pulse) pong(number uint64) {
	if p.open && number == p.asked {
		p.quiet()
	}
}

// quiet forgets what is open: the role is busy with something else, which has a limit of its own.
func (p *pulse) quiet() { p.open, p.looks = false, 0 }

// heart notices when a counter stands still. It counts looks, not time: a machine that was suspended, or stopped as a
// whole, has not missed any.
type heart struct {
	last  uint64
	still int
}

// look is told the counter and says for how many looks it has not moved.
func (h *heart) look(beat uint64) int {
	if beat == h.last {
		h.still++
	} else {
		h.last, h.still = beat, 0
	}
	return h.still
}
