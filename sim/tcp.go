package sim

import (
	"time"

	"holdfast.dev/clock"
)

// TCP as the kernels of a world do it: octets in order, whatever the LAN does to packets. A lost one holds back all that was sent after it, until
// later ones show that it is missing, or the sender's patience ends, which doubles every time. A kernel answers for its processes: it acknowledges
// what nobody has read yet, accepts for one that is being started again, and refuses or resets what it knows nothing of.

// The constants of Linux (tcp(7), RFC 6298), but for the first: what the carrier asks for by TCP_USER_TIMEOUT.
const (
	userTimeout = 10 * time.Second
	leastRTO    = 200 * time.Millisecond
	mostRTO     = 120 * time.Second
	firstRTO    = time.Second // of a SYN, too
	fullWindow  = 10          // packets
	readRoom    = 256 << 10   // octets that wait for a process
	backlog     = 128         // connections that wait for one
	answerFor   = time.Minute // until the other side has answered our answer
)

// flow is one connection. End 0 has dialled.
type flow struct {
	link      uint8
	ends      [2]*sock
	forgotten bool // by a firewall on the way, which drops its packets
	stalled   bool // for a while nothing comes through, either way
	disguised bool // the source of end 0 is translated on the way
}

// sock is one end of a flow, in the kernel of its machine.
type sock struct {
	*flow
	side int
	m    *carriage
	at   phase
	gone bool // the process has closed it
	kind uint8
	why  ending
	news bool // since the process has looked

	flight []flight
	unsent []flight
	next   uint64 // sequence of what is written next
	una    uint64 // first octet that is not acknowledged
	window int
	alarm  int // number of the timer that counts
	armed  bool
	srtt   time.Duration
	rttvar time.Duration
	back   time.Duration // RTO
	since  clock.Instant // of the oldest octet that is not acknowledged
	acked  uint64
	resent uint64
	shut   bool // nothing more is written

	got    uint64 // next octet that is expected
	beyond []flight
	in     []byte
	eof    bool
}

// phase is what becomes of a sock.
type phase uint8

const (
	dialling phase = iota
	answering
	open
	closed
)

// ending is how a kernel has ended a sock; the process learns of it.
type ending uint8

const (
	notEnded ending = iota
	wasRefused
	wasReset
	timedOut
)

// flight is one piece of what was written.
type flight struct {
	seq    uint64
	data   []byte
	fin    bool
	sent   clock.Instant
	again  bool // it was sent more than once
	lost   bool // as far as the sender believes
	beyond bool // the other side has it, and lacks something before it
}

func (f *flight) end() uint64 {
	if f.fin {
		return f.seq + uint64(len(f.data)) + 1
	}
	return f.seq + uint64(len(f.data))
}

// segment is a packet of a flow on its way.
type segment struct {
	f        *flow
	from     int // side
	what     uint8
	seq, ack uint64
	block    uint64 // first octet of what has just arrived
	sent     clock.Instant
	data     []byte
	fin      bool
	link     uint8
	gram     bool // no TCP at all: a datagram for the carrier of machine to
	to       *carriage
	source   int // node that has sent it
}

const (
	syn uint8 = iota
	synAck
	bare // an acknowledgement
	full // with data
	rst
)

func (s *sock) other() *sock { return s.ends[1-s.side] }

// dialTo begins a connection: SYNs until somebody answers.
func (m *carriage) dialTo(to *carriage, link, kind uint8) *sock {
	f := &flow{link: link, disguised: m.disguised}
	s := &sock{flow: f, m: m, at: dialling, kind: kind, window: fullWindow, back: firstRTO}
	f.ends[0] = s
	f.ends[1] = &sock{flow: f, side: 1, m: to, at: closed, kind: kind, window: fullWindow, back: firstRTO}
	m.socks = append(m.socks, s)
	s.knock(firstRTO)
	return s
}

// knock sends a SYN, and again after a while.
func (s *sock) knock(again time.Duration) {
	if s.at != dialling {
		return
	}
	s.put(&segment{what: syn})
	s.m.after(again, func() { s.knock(min(2*again, mostRTO)) })
}

// put sends a packet to the other end.
func (s *sock) put(g *segment) {
	g.f, g.from, g.to, g.source = s.flow, s.side, s.other().m, s.m.n.id
	g.ack = s.got
	s.m.w.launch(g, s.link)
}

// arrive takes a packet that has reached the machine of s.
func (s *sock) arrive(g *segment) {
	switch {
	case g.what == syn:
		s.knocked()
	case g.what == rst:
		s.wasReset()
	case s.at == closed:
		s.put(&segment{what: rst})
	case g.what == synAck:
		if s.at == dialling {
			s.at, s.back, s.since = open, leastRTO, s.m.w.now
			s.ready()
		}
		s.put(&segment{what: bare})
	default:
		if s.at == answering {
			s.at, s.back = open, leastRTO
			s.m.accept(s)
		}
		s.acknowledged(g)
		if g.what == full {
			s.receive(g)
		}
	}
}

// knocked answers a SYN.
func (s *sock) knocked() {
	switch {
	case s.m.rejected > s.m.w.now:
		s.m.spoil()
		s.other().m.spoil()
		s.put(&segment{what: rst})
	case s.at == answering || s.at == open:
		s.put(&segment{what: synAck})
	case s.why != notEnded || s.gone: // it was here, and is over
		s.put(&segment{what: rst})
	case !s.m.listens(s.link, s.kind):
		s.put(&segment{what: rst})
	case len(s.m.waiting) < backlog:
		s.at = answering
		s.m.socks = append(s.m.socks, s)
		s.put(&segment{what: synAck})
		s.m.after(answerFor, func() {
			if s.at == answering {
				s.forget()
			}
		})
	}
}

func (s *sock) wasReset() {
	switch s.at {
	case dialling:
		s.fail(wasRefused)
	case answering, open:
		s.fail(wasReset)
	}
}

// fail ends a sock, and tells the process.
func (s *sock) fail(e ending) {
	if s.at == closed {
		return
	}
	s.why = e
	s.forget()
	s.ready()
}

// ready has the process look at the sock.
func (s *sock) ready() {
	s.news = true
	s.m.rouse()
}

// forget ends a sock without a word to anybody.
func (s *sock) forget() {
	if s.at == closed {
		return
	}
	if s.why == notEnded {
		s.why = timedOut
	}
	s.at = closed
	s.flight, s.unsent, s.beyond, s.armed = nil, nil, nil, false
	s.m.drop(s)
}

// abort ends a sock with a reset, if the other side knows of it.
func (s *sock) abort() {
	s.gone = true
	if s.at == open || s.at == answering {
		s.put(&segment{what: rst})
	}
	s.forget()
}

// close is what the kernel does when the process closes a sock or dies: what was written still goes out, unless something was not read.
func (s *sock) close() {
	if s.at != open || len(s.in) > 0 {
		s.abort()
		return
	}
	s.gone = true
	s.finish()
	s.settle()
}

// finish says that nothing more is written.
func (s *sock) finish() {
	if s.shut || s.at != open {
		return
	}
	s.shut = true
	s.unsent = append(s.unsent, flight{seq: s.next, fin: true})
	s.next++
	s.push()
}

// settle forgets a sock that both sides have closed.
func (s *sock) settle() {
	if s.at == open && s.gone && s.shut && s.eof && s.una == s.next {
		s.forget()
	}
}

// write takes what the process writes. It is sent as soon as the window lets it.
func (s *sock) write(b []byte) {
	if s.at != open || s.shut {
		return
	}
	s.unsent = append(s.unsent, flight{seq: s.next, data: append([]byte(nil), b...)})
	s.next += uint64(len(b))
	s.push()
}

// push sends again what is lost, and then what was not sent yet, as far as the window goes.
func (s *sock) push() {
	under := 0
	for i := range s.flight {
		if f := &s.flight[i]; !f.lost && !f.beyond {
			under++
		}
	}
	for i := range s.flight {
		if f := &s.flight[i]; f.lost && !f.beyond && under < s.window {
			f.lost, f.again, under = false, true, under+1
			s.resent++
			s.send(f)
		}
	}
	for len(s.unsent) > 0 && under < s.window {
		if len(s.flight) == 0 {
			s.since = s.m.w.now
		}
		s.flight = append(s.flight, s.unsent[0])
		s.unsent = s.unsent[:copy(s.unsent, s.unsent[1:])]
		s.send(&s.flight[len(s.flight)-1])
		under++
	}
	if len(s.flight) > 0 && !s.armed {
		s.arm()
	}
}

func (s *sock) send(f *flight) {
	f.sent = s.m.w.now
	s.put(&segment{what: full, seq: f.seq, data: f.data, fin: f.fin, sent: f.sent})
}

// arm starts the timer of repetition.
func (s *sock) arm() {
	s.armed = true
	s.alarm++
	n := s.alarm
	s.m.after(s.back, func() {
		if s.alarm == n && s.armed && s.at == open {
			s.armed = false
			s.impatient()
		}
	})
}

// impatient is when nothing was acknowledged for too long.
func (s *sock) impatient() {
	if len(s.flight) == 0 {
		return
	}
	if s.m.w.now.Sub(s.since) >= userTimeout {
		s.fail(timedOut)
		return
	}
	for i := range s.flight {
		s.flight[i].lost = true
	}
	s.window, s.back = 1, min(2*s.back, mostRTO)
	s.push()
}
