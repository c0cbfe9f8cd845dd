package node

import (
	"errors"
	"os"
	"sync"

	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// meet takes a new connection to the runner.
func (r *vrrpRole) meet(f *os.File) {
	conn, err := role.NewConn(f)
	if err != nil {
		r.teller.Say(vrrp.Error, "connection to the script runner: "+err.Error())
		return
	}
	if r.runner != nil {
		_ = r.runner.Close() // it ends its hearer
	}
	r.runner = conn
	r.teller.Runner(conn)
	if r.loop != nil {
		r.listen(conn)
	}
}

// listen hears a connection in a goroutine of its own.
func (r *vrrpRole) listen(conn *role.Conn) {
	l, filter := r.loop, r.heard.connection()
	r.hearers.Go(func() {
		r.hear(conn, l, filter)
		r.teller.RunnerGone(conn)
		_ = conn.Close()
	})
}

// hear reads what the runner says until the connection ends; then the supervisor sends another, if there is to be one.
func (r *vrrpRole) hear(c *role.Conn, l *loop, filter *hearing) {
	for {
		m, files, err := c.Recv()
		closeFiles(files)
		switch {
		case errors.Is(err, role.ErrGarbage) || errors.Is(err, role.ErrTooLong):
		case err != nil:
			return
		case m.Track != nil:
			if filter.pass(m.Track) {
				l.Post(input{event: &vrrp.Tracked{State: *m.Track}})
			}
		case m.Delivered != nil:
			r.teller.Delivered(*m.Delivered)
		}
	}
}

// sources remembers which tracked sources have had a result. A runner says all its sources anew on every connection, as unknown until
// the first result; of a runner that takes the place of another that is no news.
type sources struct {
	mu     sync.Mutex
	known  map[track.ID]bool
	before bool // there was a connection
}

// hearing is what was said on one connection.
type hearing struct {
	book  *sources
	first bool
	said  map[track.ID]bool
}

func (s *sources) connection() *hearing {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &hearing{book: s, first: !s.before, said: map[track.ID]bool{}}
	s.before = true
	return h
}

// pass reports whether the engine is to hear of a state.
func (h *hearing) pass(st *track.State) bool {
	h.book.mu.Lock()
	defer h.book.mu.Unlock()
	repeated := !h.first && !h.said[st.ID()] && st.Status == track.Unknown && st.Reload && h.book.known[st.ID()]
	h.said[st.ID()] = true
	if st.Status != track.Unknown {
		if h.book.known == nil {
			h.book.known = map[track.ID]bool{}
		}
		h.book.known[st.ID()] = true
	}
	return !repeated
}
