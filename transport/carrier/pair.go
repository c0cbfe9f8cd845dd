package carrier

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// pair is what we have with one peer.
type pair struct {
	c   *carrier
	key transport.PeerKey

	mu         sync.Mutex
	peer       transport.Peer
	identity   *identity // of TLS
	session    *transport.Session
	seen       transport.Arrivals
	conns      map[transport.ConnID]*conn // dials, and what is up
	timer      *time.Timer
	gram       gram // of UDP, which has no session
	count      local.Counts
	since      clock.Instant // when up changed last
	trouble    string        // why the last dial or connection ended, in more words than the session's
	source     netip.Addr    // the source that the engine gave last
	can        wire.Capability
	sent       uint64 // last Stamp.Sent
	outgoing   []byte
	doubt      clock.Instant // when the peer's clock was last asked for
	reminded   clock.Instant // when it was last said that there is still no connection; 0 for not since there was one
	closed     bool
	introduced bool // the peer has been on a connection of ours, and speaks as we do
}

func newPair(c *carrier, p transport.Peer, id *identity) *pair {
	now := poll.Mono()
	seed := uint64(now)
	for _, b := range c.node {
		seed = seed*31 + uint64(b)
	}
	r := &pair{
		c: c, key: p.PeerKey, peer: p, identity: id, conns: map[transport.ConnID]*conn{}, since: now,
		session: transport.NewSession(now, p, c.node, seed),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(0, r.tick)
	return r
}

// tick lets the session know that time has passed.
func (p *pair) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.key.Kind.Connected() {
		p.tickGram()
		return
	}
	p.step(transport.Wake{})
}

// step gives the session an event and does what it wants. The mutex is held; nothing here waits.
func (p *pair) step(events ...transport.Event) {
	if p.closed || !p.key.Kind.Connected() {
		return
	}
	for i := 0; i < len(events); i++ {
		for _, a := range p.session.Step(poll.Mono(), events[i]) {
			if ev := p.perform(a); ev != nil {
				events = append(events, ev)
			}
		}
	}
	if at, ok := p.session.Deadline(); ok {
		p.timer.Reset(max(at.Sub(poll.Mono()), 0))
	}
}

// perform does one thing, and returns what is to be told to the session about it at once.
func (p *pair) perform(a transport.Action) transport.Event {
	switch a := a.(type) {
	case transport.Dial:
		p.dial(a.ID)
	case transport.Drop:
		p.forget(a.ID).drop()
	case transport.Close:
		p.forget(a.ID).finish(wire.ByeSurplus)
	case transport.Flush:
		p.conns[a.ID].signal()
	case transport.Nudge:
		if c := p.conns[a.ID]; c != nil {
			c.ping = true
			c.signal()
		}
	case transport.Measure:
		m := transport.Measured{ID: a.ID}
		if c := p.conns[a.ID]; c != nil && c.raw != nil {
			if got, ok := measure(c.raw); ok {
				m = got
				m.ID = a.ID
			}
		}
		return m
	case transport.Died:
		p.c.local.send(&local.Msg{Type: local.Died, Kind: p.peer.Kind, IPv6: p.peer.IPv6(), Src: p.peer.Addr, Dst: p.mine(nil)})
		p.c.tell.say(warning, "%v peer %v: its daemon is dead", p.peer.Kind, p.peer.Addr)
	case transport.Changed:
		p.changed()
	}
	return nil
}

// changed tells of a connection that is up or gone.
func (p *pair) changed() {
	p.since = poll.Mono()
	st := p.status()
	if st.Up {
		p.trouble = ""
		p.c.tell.complain("up "+p.peer.Addr.String(), "%v peer %v: connected", p.peer.Kind, p.peer.Addr)
	} else {
		p.c.tell.complain("down "+p.peer.Addr.String(), "%v peer %v: not connected: %s", p.peer.Kind, p.peer.Addr, p.reason(st))
	}
	p.tellLink()
}

// remind says after a while, and then from time to time, that there is still no connection: where there never was one, none ends. The mutex is held.
func (p *pair) remind() {
	st, now := p.status(), poll.Mono()
	switch {
	case st.Up || p.closed:
		p.reminded = 0
		return
	case now.Sub(p.since) < remindAfter || p.reminded > 0 && now.Sub(p.reminded) < remindEvery:
		return
	}
	p.reminded = now
	p.c.tell.say(warning, "%v peer %v: not connected for %v: %s%s", p.peer.Kind, p.peer.Addr, now.Sub(p.since).Round(time.Second), p.reason(st), p.advice(st.Why))
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
	case w == transport.Unreachable && p.trouble == "" || !p.key.Kind.Connected():
		return fmt.Sprintf(" (is the host there, does holdfast run there with the same transport, and do all firewalls pass %s port %d?)", protocol, p.key.Port)
	}
	return ""
}

func (p *pair) reason(st transport.Status) string {
	if p.trouble != "" {
		return p.trouble
	}
	return st.Why.String()
}

// tellLink tells the vrrp role how the connection is.
func (p *pair) tellLink() {
	st := p.status()
	if p.key.Kind.Connected() {
		out := p.session.Outbox()
		p.count.Sent, p.count.Replaced, p.count.Connects = out.Sent, out.Replaced+out.Stale, st.Connects
	}
	p.count.Overrun = p.c.local.lostCount()
	m := local.Msg{
		Type: local.Link, Kind: p.peer.Kind, IPv6: p.peer.IPv6(), Src: p.peer.Addr, Dst: p.mine(nil),
		Up: st.Up, RTT: st.RTT, Since: int64(p.since), Count: p.count,
	}
	if !st.Up {
		m.Text = p.reason(st)
	}
	p.c.local.send(&m)
}

// mine is the address of ours that the peer is told apart by: what the engine sends from.
func (p *pair) mine(c *conn) netip.Addr {
	switch {
	case p.peer.Local.IsValid():
		return p.peer.Local
	case p.source.IsValid():
		return p.source
	case c != nil && c.net != nil:
		return addrOf(c.net.LocalAddr())
	}
	return netip.Addr{}
}

// send takes an advert, a report or a word in a hand-over of the engine. It reports whether something waits for flush.
func (p *pair) send(m *local.Msg) (waits bool) {
	now := poll.Mono()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.source = m.Src
	if m.Type == local.Hand && p.can&wire.CanHand == 0 {
		return false // it knows goodbyes only
	}
	slot, life, ok := p.encode(now, m)
	if !ok {
		p.count.Refused++
		return false
	}
	if !p.key.Kind.Connected() {
		if life <= 0 {
			return false // this process stood still
		}
		p.sendDatagram(now, m.Type, life)
		return false
	}
	p.session.Queue(now, slot, life, p.outgoing)
	return true
}

// flush has what waits written.
func (p *pair) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step(transport.Queued{})
}

// encode makes the frame of what the engine sends.
func (p *pair) encode(now clock.Instant, m *local.Msg) (slot transport.Slot, life time.Duration, ok bool) {
	said := transport.Said(now, m.Since)
	p.sent = max(p.sent+1, wire.Micros(int64(said)))
	stamp := wire.Stamp{Epoch: wire.Epoch(p.c.node), Sent: p.sent, Origin: m.Src, ID: m.ID}
	if m.Type == local.Report {
		r := wire.Report{Stamp: stamp, IPv6: m.IPv6, Hears: m.Hears, VRID: m.VRID, State: m.State, Priority: m.Priority}
		p.outgoing = r.Append(p.outgoing[:0])
		return transport.ReportSlot(transport.RouterID{IPv6: m.IPv6, VRID: m.VRID, ID: m.ID}), transport.ReportLife - now.Sub(said), m.VRID != 0
	}
	if m.Type == local.Hand {
		h := wire.Hand{Stamp: stamp, IPv6: m.IPv6, VRID: m.VRID, Step: m.State}
		p.outgoing = h.Append(p.outgoing[:0])
		return transport.HandSlot(transport.RouterID{IPv6: m.IPv6, VRID: m.VRID, ID: m.ID}), transport.HandLife - now.Sub(said), m.VRID != 0
	}
	claim, ok := wire.ReadClaim(m.Payload)
	if !ok || len(m.Payload) > wire.MaxPacket {
		return slot, 0, false
	}
	ipv6 := m.Dst.Is6()
	a := wire.Advert{Stamp: stamp, IPv6: ipv6, Packet: m.Payload}
	p.outgoing = a.Append(p.outgoing[:0])
	return transport.AdvertSlot(transport.RouterID{IPv6: ipv6, VRID: claim.VRID, ID: m.ID}), claim.Interval - now.Sub(said), true
}

// forget takes a connection off the list; nil is a connection that does nothing.
func (p *pair) forget(id transport.ConnID) *conn {
	c := p.conns[id]
	delete(p.conns, id)
	return c
}

// ended tells the session of the end of a dial or connection.
func (p *pair) ended(c *conn, w transport.Why, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[c.id] != c {
		return // it was not wanted any more
	}
	delete(p.conns, c.id)
	if w == transport.Denied || w == transport.Unreachable {
		p.trouble = shortly(err)
	} else {
		p.trouble = ""
	}
	if w == transport.Denied {
		p.introduced = false
		p.count.Refused++
		p.c.tell.complain("denied "+p.peer.Addr.String(), "%v peer %v: %v", p.peer.Kind, p.peer.Addr, err)
	}
	p.step(transport.Ended{ID: c.id, Why: w})
}

// shortly leaves out what a dial was between, which is said beside it.
func shortly(err error) string {
	if no := syscall.Errno(0); errors.As(err, &no) {
		return no.Error()
	}
	return err.Error()
}

// up tells the session that both sides know each other. It reports false if the connection is not wanted any more.
func (p *pair) up(c *conn, h *wire.Hello) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.conns[c.id] != c {
		return false
	}
	if p.identity != nil { // what was proved may not be what is asked for any more
		if err := p.identity.proves(&p.peer, c.certs); err != nil {
			p.trouble = err.Error()
			return false
		}
	}
	p.introduced = true
	p.seen.Sample(poll.Mono(), wire.Epoch(h.Node), h.Clock)
	p.can = h.Can
	if p.peer.FastFail && h.Can&wire.CanFastFail == 0 {
		p.c.tell.complain("fast_fail "+p.peer.Addr.String(), "%v peer %v (%s): it can't tell us of its death", p.peer.Kind, p.peer.Addr, h.Release)
	}
	p.step(transport.Up{ID: c.id, Node: h.Node, Old: c.proof != nil && !c.proof.same(p.identity)})
	return true
}

// reconfigure takes what has changed about the peer. Connections that prove what is asked for now stay, until others have taken the place of those
// by which we have proved what is not in the configuration any more.
func (p *pair) reconfigure(peer transport.Peer, id *identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	renew := !p.identity.same(id)
	p.peer, p.identity = peer, id
	p.session.Reconfigure(poll.Mono(), peer)
	var ends []transport.Event
	for cid, c := range p.conns {
		if id == nil || !c.isUp || c.certs == nil {
			continue
		}
		if err := id.proves(&peer, c.certs); err != nil {
			p.trouble = err.Error()
			p.forget(cid).drop()
			ends = append(ends, transport.Ended{ID: cid, Why: transport.Denied})
		}
	}
	if renew {
		ends = append(ends, transport.Renew{})
	}
	p.step(append(ends, transport.Wake{})...)
}

// close ends everything with the peer, politely. It does not wait; the connections end within flushWithin.
func (p *pair) close(reason wire.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	p.timer.Stop()
	if !p.key.Kind.Connected() {
		p.sendGram((&wire.Bye{Reason: reason}).Append(nil))
	}
	for id, c := range p.conns {
		delete(p.conns, id)
		if c.isUp {
			c.finish(reason)
		} else {
			c.drop()
		}
	}
}

// vanish ends everything with the peer without a word.
func (p *pair) vanish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.timer.Stop()
	for id, c := range p.conns {
		delete(p.conns, id)
		c.drop()
	}
}

func addrOf(a interface{ String() string }) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
