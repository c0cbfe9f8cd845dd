package node

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/link/poll"
	"holdfast.dev/status"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/vrrp"
)

// carrierPort is the socket between the election thread and the carrier, which has all that other transports than ip need. The thread never
// waits for it: what does not fit is lost, as packets are.
type carrierPort struct {
	fd    int // -1 while there is none
	token poll.Token
	in    []byte
	out   []byte // what waits for the end of a step of the round
	count uint64 // messages in out
	err   error  // of what was sent last
	lost  uint64 // adverts that the carrier did not fetch in time
	told  complaint
	peers shownPeers
}

var (
	errNoCarrier   = errors.New("the carrier process is not there")
	errSlowCarrier = errors.New("the carrier process does not keep up")
)

// setCarrier uses another socket in the place of the one before.
func (l *loop) setCarrier(fd int) {
	l.dropCarrier()
	l.token++
	if err := l.poller.Add(fd, l.token); err != nil {
		l.teller.Say(vrrp.Error, "cannot hear the carrier process: "+err.Error())
		_ = unix.Close(fd)
		return
	}
	c := &l.carrier
	c.fd, c.token = fd, l.token
	if c.in == nil {
		c.in, c.out = make([]byte, local.MaxDatagram), make([]byte, 0, local.MaxDatagram)
	}
	c.out, c.count, c.err = c.out[:0], 0, nil
}

// dropCarrier closes the socket. It joined nothing, so that waits for nobody.
func (l *loop) dropCarrier() {
	if c := &l.carrier; c.fd >= 0 {
		_ = l.poller.Remove(c.fd)
		_ = unix.Close(c.fd)
		c.fd, c.token = -1, 0
	}
}

// drainCarrier fetches what the carrier has sent, and reports false if there is more.
func (l *loop) drainCarrier() bool {
	c := &l.carrier
	for range roundPackets {
		n, err := unix.Read(c.fd, c.in)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return true
		case err != nil || n == 0:
			l.dropCarrier() // it has died; the supervisor starts another one and sends a socket to that
			l.driver.Handle(poll.Now(), &vrrp.CarrierLost{})
			return true
		}
		now := poll.Now()
		for rest := c.in[:n]; len(rest) > 0; {
			var m local.Msg
			if m, rest, err = local.Next(rest); err != nil {
				l.page.AddMalformed()
				break
			}
			if ev := l.carried(&m); ev != nil {
				l.driver.Handle(now, ev)
			}
		}
	}
	return false
}

// carried is the event that a message of the carrier means; nil for none.
func (l *loop) carried(m *local.Msg) vrrp.Event {
	if m.Type == local.Link && !l.carrier.peers.show(l.page, m) {
		return nil
	}
	return Carried(m, &l.rx)
}

// Carried is the event that a message of the carrier means to an engine; nil for none. What is received is laid into rx.
func Carried(m *local.Msg, rx *vrrp.Received) vrrp.Event {
	port := vrrp.PortID{Transport: m.Kind, IPv6: m.IPv6, ID: m.ID}
	switch m.Type {
	case local.Received:
		*rx = vrrp.Received{Port: port, Src: m.Src, Dst: m.Dst, Origin: m.Origin, TTL: -1, Payload: m.Payload}
		return rx
	case local.Died:
		return &vrrp.PeerDied{Port: port, Src: m.Src, Dst: m.Dst}
	case local.Told:
		return &vrrp.PeerReport{
			Port: port, Src: m.Src, Dst: m.Dst, Origin: m.Origin, VRID: m.VRID, State: vrrp.State(m.State), Priority: m.Priority, Hears: m.Hears,
		}
	case local.Handed:
		return &vrrp.PeerHand{Port: port, Src: m.Src, Dst: m.Dst, VRID: m.VRID, Hand: vrrp.Hand(m.State)}
	case local.Link:
		return &vrrp.PeerLink{Port: port, Src: m.Src, Dst: m.Dst, Up: m.Up}
	case local.Overrun:
		return &vrrp.Overflow{Port: port, Packets: uint32(m.Count.Overrun)}
	}
	return nil
}

// carry hands an advert to the carrier.
func (l *loop) carry(s *vrrp.Send) error {
	return l.toCarrier(&local.Msg{
		Type: local.Send, Kind: s.Port.Transport, IPv6: s.Port.IPv6, Src: s.Src, Dst: s.Dst, ID: s.Port.ID, Payload: s.Payload, Since: int64(poll.Mono()),
	})
}

// Note tells a peer how a router is, or a word in a hand-over, if the carrier has room for that.
func (l *loop) Note(n *vrrp.Note) {
	m := local.Msg{
		Type: local.Report, Kind: n.Port.Transport, IPv6: n.Port.IPv6, Src: n.Src, Dst: n.Dst, VRID: n.VRID, ID: n.Port.ID, State: uint8(n.State),
		Priority: n.Priority, Hears: n.Hears, Since: int64(poll.Mono()),
	}
	if n.Hand != vrrp.NoHand {
		m.Type, m.State = local.Hand, uint8(n.Hand)
	}
	_ = l.toCarrier(&m)
}

func (l *loop) toCarrier(m *local.Msg) error {
	c := &l.carrier
	if c.fd < 0 {
		return errNoCarrier
	}
	if len(c.out) >= carrierBatch {
		l.flushCarrier()
	}
	c.out = local.Append(c.out, m)
	c.count++
	return c.err
}

// carrierBatch is how many octets are put into one datagram for the carrier, and one message more: a thousand adverts that are due at a moment would
// be as many calls, and wake it as often.
const carrierBatch = 8 << 10

// flushCarrier sends what there is for the carrier. Whether it could be sent is told with the next message.
func (l *loop) flushCarrier() {
	c := &l.carrier
	if len(c.out) == 0 || c.fd < 0 {
		return
	}
	c.err = l.sendCarrier()
	c.out, c.count = c.out[:0], 0
}

func (l *loop) sendCarrier() error {
	c := &l.carrier
	err := unix.Send(c.fd, c.out, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	switch {
	case err == nil:
		return nil
	case err == unix.EAGAIN || err == unix.ENOBUFS:
		c.lost += c.count
		if c.told.due(errSlowCarrier.Error(), poll.Mono()) {
			l.teller.Say(vrrp.Warning, fmt.Sprintf("%v: %d adverts and reports were dropped so far", errSlowCarrier, c.lost))
		}
		return errSlowCarrier
	case err == unix.EPIPE || err == unix.ECONNRESET || err == unix.ENOTCONN:
		return errNoCarrier // reading finds it out
	}
	return err
}

// meetCarrier takes a socket to a new carrier.
func (r *vrrpRole) meetCarrier(f *os.File) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3) // what came with the message is closed with it
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		r.teller.Say(vrrp.Error, "connection to the carrier process: "+err.Error())
		return
	}
	if r.loop == nil {
		r.dropCarrier()
		r.carrier = fd
		return
	}
	if !r.loop.Do(func(l *loop) { l.setCarrier(fd) }) {
		_ = unix.Close(fd)
	}
}

// dropCarrier closes a socket that no loop was there for.
func (r *vrrpRole) dropCarrier() {
	if r.carrier > 0 {
		_ = unix.Close(r.carrier)
	}
	r.carrier = 0
}

// shownPeers shows the connections to peers in the status page.
type shownPeers struct {
	places map[transport.PeerKey]shownPeer
}

type shownPeer struct {
	place int
	up    bool
}

// show shows a connection, and reports whether its state has changed. More than there is room for are not shown, but told.
func (s *shownPeers) show(p *status.Page, m *local.Msg) (changed bool) {
	if s.places == nil {
		s.places = map[transport.PeerKey]shownPeer{}
	}
	key := transport.PeerKey{Kind: m.Kind, Local: m.Dst, Addr: m.Src}
	at, known := s.places[key]
	if !known {
		if at.place = len(s.places); at.place >= status.Peers {
			return true
		}
	}
	changed = !known || at.up != m.Up
	at.up = m.Up
	s.places[key] = at
	p.PutPeer(at.place, &status.Peer{
		Kind: m.Kind, Addr: m.Src, Local: m.Dst, Up: m.Up, Since: m.Since, RTT: m.RTT, Counts: m.Count, Text: m.Text,
	})
	return changed
}

// keep forgets all connections that a configuration has no peer for.
func (s *shownPeers) keep(p *status.Page, c *vrrp.Config) {
	used := map[transport.PeerKey]bool{}
	for i := range c.Routers {
		for k := range c.Routers[i].Peers {
			used[transport.PeerKey{Kind: c.Routers[i].Transport, Addr: c.Routers[i].Peers[k].Addr}] = true
		}
	}
	left := map[transport.PeerKey]shownPeer{}
	for i := range p.TopPeer() {
		p.PutPeer(i, nil)
	}
	for key, at := range s.places { // what stays is shown anew within a second
		if used[transport.PeerKey{Kind: key.Kind, Addr: key.Addr}] {
			at.place = len(left)
			left[key] = at
		}
	}
	s.places = left
}
