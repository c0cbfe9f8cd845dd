package carrier

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// pair is what we have with one peer.
type pair struct {
	*pairing.Pair[*conn]
	c   *carrier
	key transport.PeerKey

	mu       sync.Mutex
	identity *identity // of TLS
	timer    *time.Timer
	from     *listener     // the socket that datagrams leave by; nil while there is none
	batch    *outward      // what is told while something is read; nil for at once
	since    clock.Instant // when up changed last
	reminded clock.Instant // when it was last said that there is still no connection; 0 for not since there was one
}

func newPair(c *carrier, p transport.Peer, id *identity) *pair {
	now := poll.Mono()
	r := &pair{c: c, key: p.PeerKey, identity: id, since: now}
	r.Pair = pairing.New[*conn](now, p, c.node, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(0, r.tick)
	return r
}

// tick lets the pair know that time has passed.
func (p *pair) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Wake(poll.Mono())
}

// Hello introduces us.
func (p *pair) Hello() wire.Hello { return p.c.hello() }

// Wait asks for a tick. The mutex is held.
func (p *pair) Wait(until clock.Instant) {
	if until != 0 {
		p.timer.Reset(max(until.Sub(poll.Mono()), 0))
	}
}

// Tell hands a message to the vrrp role. The mutex is held.
func (p *pair) Tell(m *local.Msg) {
	if m.Type == local.Died {
		p.c.tell.say(warning, "%v peer %v: its daemon is dead", p.key.Kind, p.key.Addr)
	}
	if p.batch != nil {
		p.batch.add(m)
		return
	}
	p.c.local.send(m)
}

// Changed tells of a connection that is up or gone. The mutex is held.
func (p *pair) Changed() {
	p.since = poll.Mono()
	st := p.Status()
	if st.Up {
		p.Trouble = ""
		p.c.tell.complain("up "+p.Peer.Addr.String(), "%v peer %v: connected", p.Peer.Kind, p.Peer.Addr)
	} else {
		p.c.tell.complain("down "+p.Peer.Addr.String(), "%v peer %v: not connected: %s", p.Peer.Kind, p.Peer.Addr, p.reason(st))
	}
	p.tellLink()
}

// remind says after a while, and then from time to time, that there is still no connection: where there never was one, none ends. The mutex is held.
func (p *pair) remind() {
	st, now := p.Status(), poll.Mono()
	switch {
	case st.Up || p.Closed:
		p.reminded = 0
		return
	case now.Sub(p.since) < remindAfter || p.reminded > 0 && now.Sub(p.reminded) < remindEvery:
		return
	}
	p.reminded = now
	p.c.tell.say(warning, "%v peer %v: not connected for %v: %s%s", p.Peer.Kind, p.Peer.Addr, now.Sub(p.since).Round(time.Second), p.reason(st), p.advice(st.Why))
}

// advice is where to look.
func (p *pair) advice(w transport.Why) string {
	protocol := "TCP"
	if !p.key.Kind.Connected() {
		protocol = "UDP"
	}
	switch {
	case w == transport.Refused:
		return fmt.Sprintf(" (nobody listens on %s port %d there: does holdfast run there, with the same transport and transport_port?)", protocol, p.key.Port)
	case w == transport.Unreachable && p.Trouble == "" || !p.key.Kind.Connected():
		return fmt.Sprintf(" (is the host there, does holdfast run there with the same transport, and do all firewalls pass %s port %d?)", protocol, p.key.Port)
	}
	return ""
}

func (p *pair) reason(st transport.Status) string {
	if p.Trouble != "" {
		return p.Trouble
	}
	return st.Why.String()
}

// tellLink tells the vrrp role how the connection is.
func (p *pair) tellLink() {
	st := p.Status()
	if p.key.Kind.Connected() {
		out := p.Session.Outbox()
		p.Count.Sent, p.Count.Replaced, p.Count.Connects = out.Sent, out.Replaced+out.Stale, st.Connects
	}
	p.Count.Overrun = p.c.local.lostCount()
	m := p.About(local.Link)
	m.Up, m.RTT, m.Since, m.Count = st.Up, st.RTT, int64(p.since), p.Count
	if !st.Up {
		m.Text = p.reason(st)
	}
	p.Tell(&m)
}

// send takes an advert, a report or a word in a hand-over of the engine. It reports whether something waits for flush.
func (p *pair) send(m *local.Msg) (waits bool) {
	now := poll.Mono()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Send(now, m)
}

// flush has what waits written.
func (p *pair) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Step(poll.Mono(), transport.Queued{})
}

// ended tells of the end of a dial or connection.
func (p *pair) ended(c *conn, w transport.Why, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.Wanted(c) {
		return
	}
	trouble := ""
	if w == transport.Denied || w == transport.Unreachable {
		trouble = shortly(err)
	}
	if w == transport.Denied {
		p.c.tell.complain("denied "+p.key.Addr.String(), "%v peer %v: %v", p.key.Kind, p.key.Addr, err)
	}
	p.Ended(poll.Mono(), c, w, trouble)
}

// shortly leaves out what a dial was between, which is said beside it.
func shortly(err error) string {
	if no := syscall.Errno(0); errors.As(err, &no) {
		return no.Error()
	}
	return err.Error()
}

// up tells of a connection by which both sides know each other. It reports false if it is not wanted any more.
func (p *pair) up(c *conn, h *wire.Hello) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.Wanted(c) {
		return false
	}
	if p.identity != nil { // what was proved may not be what is asked for any more
		if err := p.identity.proves(&p.Peer, c.certs); err != nil {
			p.Trouble = err.Error()
			return false
		}
	}
	if p.Peer.FastFail && h.Can&wire.CanFastFail == 0 {
		p.c.tell.complain("fast_fail "+p.key.Addr.String(), "%v peer %v (%s): it can't tell us of its death", p.key.Kind, p.key.Addr, h.Release)
	}
	p.Greeted(poll.Mono(), c, h, c.proof != nil && !c.proof.same(p.identity))
	return true
}

// reconfigure takes what has changed about the peer. Connections that prove what is asked for now stay, until others have taken the place of those
// by which we have proved what is not in the configuration any more.
func (p *pair) reconfigure(peer transport.Peer, id *identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	renew := !p.identity.same(id)
	p.identity = id
	p.Reconfigure(poll.Mono(), peer)
	var ends []transport.Event
	for _, c := range slices.Clone(p.Conns) {
		if id == nil || !c.Up || c.certs == nil {
			continue
		}
		if err := id.proves(&peer, c.certs); err != nil {
			p.Trouble = err.Error()
			p.Forget(c)
			c.Drop()
			ends = append(ends, transport.Ended{ID: c.ID, Why: transport.Denied})
		}
	}
	if renew {
		ends = append(ends, transport.Renew{})
	}
	p.Step(poll.Mono(), append(ends, transport.Wake{})...)
}

// close ends everything with the peer, politely. It does not wait; the connections end within pairing.FlushWithin.
func (p *pair) close(reason wire.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.Close(reason)
}

// vanish ends everything with the peer without a word.
func (p *pair) vanish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.Closed = true
	for _, c := range p.Conns {
		c.Drop()
	}
	p.Conns = nil
}

func addrOf(a interface{ String() string }) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
