package transport

import (
	"container/heap"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast.dev/clock"
)

// world are two sessions and a network between them, in virtual time. Its TCP repeats what was not acknowledged after 200 ms and then ever more
// rarely, or a round trip after something that was written later has come through.
type world struct {
	t     fataler
	now   clock.Instant
	side  [2]*end
	todo  plan
	n     int
	delay time.Duration
	hole  [2]bool // of what side i sends
}

type fataler interface{ Fatalf(string, ...any) }

// end is one side.
type end struct {
	s         *Session
	node      NodeID
	listening bool
	conns     map[ConnID]*tcp // by the session's number
	deaths    int
}

// tcp is a connection, or a dial.
type tcp struct {
	ids       [2]ConnID // of the sessions; 0 for not known there
	dialler   int
	forgotten bool // by a firewall on the way
	over      [2]bool
	flow      [2]flow
	hello     [2]bool // side i has that of the other
}

// flow is what one side has written.
type flow struct {
	out     int // octets that are not acknowledged
	acked   uint64
	backoff time.Duration
	repeat  int // number of the repetition that counts
	pings   []clock.Instant
}

type job struct {
	at clock.Instant
	n  int
	do func()
}

type plan []job

func (p plan) Len() int { return len(p) }
func (p plan) Less(i, j int) bool {
	return p[i].at < p[j].at || p[i].at == p[j].at && p[i].n < p[j].n
}
func (p plan) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *plan) Push(x any)   { *p = append(*p, x.(job)) }
func (p *plan) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}

func newWorld(t fataler, peer Peer, seed uint64) *world {
	w := &world{t: t, now: clock.Instant(time.Hour), delay: time.Millisecond}
	for i := range w.side {
		w.side[i] = &end{listening: true}
		w.begin(i, byte(i+1), peer, seed+uint64(i)*77)
	}
	return w
}

// begin starts a daemon.
func (w *world) begin(i int, id byte, peer Peer, seed uint64) {
	e := w.side[i]
	e.node = NodeID{id}
	e.s = NewSession(w.now, peer, e.node, seed*2654435761+1)
	e.conns, e.listening = map[ConnID]*tcp{}, true
	w.step(i, Wake{})
}

// kill ends a daemon: its connections end without a word.
func (w *world) kill(i int) {
	e := w.side[i]
	e.listening, e.s = false, nil
	for _, c := range e.conns {
		w.shut(i, c, EndOfStream)
	}
	e.conns = nil
}

func (w *world) after(d time.Duration, do func()) {
	w.n++
	heap.Push(&w.todo, job{w.now.Add(d), w.n, do})
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	for until := w.now.Add(d); ; {
		at, who := until, -1
		for i, e := range w.side {
			if e.s == nil {
				continue
			}
			if due, ok := e.s.Deadline(); ok && due < at {
				at, who = max(due, w.now), i
			}
		}
		if len(w.todo) > 0 && w.todo[0].at <= at {
			j := heap.Pop(&w.todo).(job)
			w.now = max(w.now, j.at)
			j.do()
			continue
		}
		w.now = at
		if who < 0 {
			return
		}
		before := w.n
		w.step(who, Wake{})
		if due, ok := w.side[who].s.Deadline(); ok && due <= w.now && before == w.n {
			w.t.Fatalf("side %d has nothing to do and does not wait", who)
		}
	}
}

func (w *world) step(i int, ev Event) {
	e := w.side[i]
	if e.s == nil {
		return
	}
	actions := append([]Action(nil), e.s.Step(w.now, ev)...)
	for _, a := range actions {
		w.perform(i, a)
	}
	if len(e.s.conns) > maxConns || len(e.s.dials) > maxDials {
		w.t.Fatalf("%d connections, %d dials", len(e.s.conns), len(e.s.dials))
	}
}

func (w *world) perform(i int, a Action) {
	e := w.side[i]
	switch a := a.(type) {
	case Dial:
		c := &tcp{dialler: i}
		c.ids[i] = a.ID
		e.conns[a.ID] = c
		w.syn(i, c, time.Second)
	case Drop:
		w.away(i, a.ID, Reset)
	case Close:
		w.away(i, a.ID, Goodbye)
	case Flush:
		if c := e.conns[a.ID]; c != nil {
			if b := e.s.Take(w.now, a.ID, nil, 1<<14); len(b) > 0 {
				w.write(i, c, len(b))
			}
		}
	case Nudge:
		if c := e.conns[a.ID]; c != nil {
			c.flow[i].pings = append(c.flow[i].pings, w.now)
			w.write(i, c, 12)
		}
	case Measure:
		m := Measured{ID: a.ID}
		if c := e.conns[a.ID]; c != nil {
			m.Acked, m.Out, m.RTT = c.flow[i].acked, uint64(c.flow[i].out), 2*w.delay
		}
		w.after(0, func() { w.step(i, m) })
	case Died:
		e.deaths++
	}
}

// away ends a connection of side i by its own will.
func (w *world) away(i int, id ConnID, how Why) {
	e := w.side[i]
	if c := e.conns[id]; c != nil {
		delete(e.conns, id)
		w.shut(i, c, how)
	}
}

// shut lets the other side know of an end, if the way is open.
func (w *world) shut(i int, c *tcp, how Why) {
	c.over[i] = true
	w.after(w.delay, func() {
		if w.lost(i, c) {
			return
		}
		w.ended(1-i, c, how)
	})
}

func (w *world) ended(i int, c *tcp, how Why) {
	e := w.side[i]
	if id := c.ids[i]; e.conns[id] == c && id != 0 {
		delete(e.conns, id)
		c.over[i] = true
		w.step(i, Ended{id, how})
	}
}

func (w *world) lost(from int, c *tcp) bool { return w.hole[from] || c.forgotten }

// syn is one packet of a dial; the kernel repeats it after a second.
func (w *world) syn(i int, c *tcp, again time.Duration) {
	if c.over[i] || c.ids[1-i] != 0 {
		return
	}
	w.after(again, func() { w.syn(i, c, 2*again) })
	if w.lost(i, c) || w.lost(1-i, c) {
		return
	}
	w.after(w.delay, func() {
		other := w.side[1-i]
		if !other.listening {
			w.after(w.delay, func() { w.ended(i, c, Refused) })
			return
		}
		if c.ids[1-i] == 0 && other.s != nil {
			c.ids[1-i] = other.s.Accepted()
			other.conns[c.ids[1-i]] = c
			w.write(1-i, c, 50)
		}
		w.after(w.delay, func() {
			if w.side[i].conns[c.ids[i]] == c {
				w.step(i, Reached{c.ids[i]})
				w.write(i, c, 50)
			}
		})
	})
}

// write sends octets, and whatever was not acknowledged before.
func (w *world) write(i int, c *tcp, n int) {
	f := &c.flow[i]
	f.out += n
	f.backoff = 200 * time.Millisecond
	w.step(i, Wrote{c.ids[i]})
	w.transmit(i, c)
}

func (w *world) transmit(i int, c *tcp) {
	f := &c.flow[i]
	if c.over[i] || f.out == 0 {
		return
	}
	f.repeat++
	repeat, n, at := f.repeat, f.out, w.now
	w.after(f.backoff, func() {
		if f.repeat == repeat && f.out > 0 {
			f.backoff *= 2
			w.transmit(i, c)
		}
	})
	if w.lost(i, c) {
		return
	}
	w.after(w.delay, func() {
		other := w.side[1-i]
		if c.over[1-i] || other.s == nil || other.conns[c.ids[1-i]] != c {
			w.after(w.delay, func() { // the answer of a machine that knows nothing of it
				if !w.lost(1-i, c) {
					w.ended(i, c, Reset)
				}
			})
			return
		}
		if !c.hello[1-i] {
			c.hello[1-i] = true
			w.step(1-i, Up{ID: c.ids[1-i], Node: w.side[i].node})
		} else {
			w.step(1-i, Heard{c.ids[1-i]})
		}
		if w.lost(1-i, c) {
			return
		}
		w.after(w.delay, func() {
			n = min(n, f.out)
			f.out -= n
			f.acked += uint64(n)
			w.answer(i, c, at)
		})
	})
}

// answer brings the answers to the PINGs that left by then.
func (w *world) answer(i int, c *tcp, by clock.Instant) {
	f := &c.flow[i]
	for len(f.pings) > 0 && f.pings[0] <= by {
		asked := f.pings[0]
		f.pings = f.pings[1:]
		w.step(i, Answered{c.ids[i], asked})
	}
}

// connected reports whether both sides have a connection that they rely on, and the number that are up.
func (w *world) connected() (bool, int) {
	both, most := true, 0
	for _, e := range w.side {
		both = both && e.s != nil && e.s.usable() > 0
		if e.s != nil {
			most = max(most, len(e.s.conns))
		}
	}
	return both, most
}

func (w *world) String() string {
	text := ""
	for i, e := range w.side {
		if e.s == nil {
			continue
		}
		text += fmt.Sprintf("side %d: want %d", i, e.s.lossy.want)
		for _, c := range e.s.conns {
			text += fmt.Sprintf(" [%d mine %v healthy %v]", c.id, c.mine, e.s.healthy(c))
		}
		text += fmt.Sprintf(" dials %d\n", len(e.s.dials))
	}
	return text
}

// TestNeverApart: whatever dials, resets, holes, kills and forgetful firewalls do, a pair that can reach each other is connected within half a second,
// and has one connection in the end.
func TestNeverApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := rapid.SampledFrom([]time.Duration{50, 200, 1000}).Draw(t, "interval") * time.Millisecond
		peer := Peer{Interval: interval, Down: 3 * interval, FastFail: rapid.Bool().Draw(t, "fast")}
		w := newWorld(t, peer, rapid.Uint64().Draw(t, "seed"))
		w.delay = time.Duration(rapid.IntRange(0, 60).Draw(t, "delay")) * time.Millisecond
		lives := byte(10)
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			w.run(time.Duration(rapid.IntRange(0, 700).Draw(t, "pause")) * time.Millisecond)
			i := rapid.IntRange(0, 1).Draw(t, "side")
			switch rapid.SampledFrom([]string{"hole", "reset", "forget", "restart", "send", "far"}).Draw(t, "what") {
			case "hole":
				w.hole[i] = !w.hole[i]
			case "reset":
				for _, c := range snapshot(w.side[i]) {
					w.ended(0, c, Reset)
					w.ended(1, c, Reset)
				}
			case "forget":
				for _, c := range snapshot(w.side[i]) {
					c.forgotten = true
				}
			case "restart":
				w.kill(i)
				w.run(time.Duration(rapid.IntRange(0, 300).Draw(t, "down")) * time.Millisecond)
				lives++
				w.begin(i, lives, peer, uint64(lives))
			case "send":
				w.side[i].s.Queue(w.now, AdvertSlot(RouterID{VRID: 51}), interval, []byte("advert"))
				w.step(i, Queued{})
			case "far":
				w.delay = time.Duration(rapid.IntRange(0, 60).Draw(t, "other delay")) * time.Millisecond
			}
		}
		w.hole = [2]bool{}
		// A forgotten connection is noticed after an interval and a stall; a refused port is dialled again within a second.
		bound := 2*interval + time.Second + 20*w.delay + 500*time.Millisecond
		w.run(bound)
		if both, _ := w.connected(); !both {
			t.Fatalf("not connected %v after the last trouble\n%v", bound, w)
		}
		w.run(3*lossHold + 2*deadAfter)
		if both, n := w.connected(); !both || n != 1 {
			t.Fatalf("%d connections in the end\n%v", n, w)
		}
	})
}

func snapshot(e *end) (list []*tcp) {
	if e.s == nil {
		return nil
	}
	for id := ConnID(1); id <= e.s.ids; id++ {
		if c := e.conns[id]; c != nil {
			list = append(list, c)
		}
	}
	return list
}
