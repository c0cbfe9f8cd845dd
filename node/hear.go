package node

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// peer is a role that tells us of tracked sources.
type peer struct {
	conn *role.Conn // the newest connection
	book sources
}

// meet takes a new connection to the runner or to aux.
func (r *vrrpRole) meet(name role.Name, f *os.File) {
	conn, err := role.NewConn(f)
	if err != nil {
		r.teller.Say(vrrp.Error, fmt.Sprintf("connection to the %s process: %v", name, err))
		return
	}
	p := r.peers[name]
	if p == nil {
		p = &peer{}
		r.peers[name] = p
	} else {
		_ = p.conn.Close() // it ends its hearer
	}
	p.conn = conn
	r.teller.Meet(name, conn)
	if name == role.Runner {
		r.chains.Meet(conn)
	}
	if r.loop != nil {
		r.listen(name, p)
	}
}

// listen hears a connection in a goroutine of its own.
func (r *vrrpRole) listen(name role.Name, p *peer) {
	l, filter, conn := r.loop, p.book.connection(), p.conn
	r.hearers.Go(func() {
		r.hear(name, conn, l, filter)
		r.teller.Gone(name, conn)
		_ = conn.Close()
	})
}

// hear reads what the other role says until the connection ends; then the supervisor sends another, if there is to be one.
func (r *vrrpRole) hear(name role.Name, c *role.Conn, l *loop, filter *hearing) {
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
			r.teller.Delivered(name, *m.Delivered)
		case m.Walled != nil && name == role.Runner:
			r.chains.Hear(c, m.Walled)
		}
	}
}

// sources remembers which tracked sources of a role have had a result. The role says all its sources anew on every connection, as unknown
// until the first result; of a process that takes the place of another that is no news.
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
