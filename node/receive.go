package node

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/link"
	"holdfast.dev/link/poll"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// heardPort is a socket in the poller.
type heardPort struct {
	id     vrrp.PortID
	port   *link.Port
	token  poll.Token
	errors int // in a row
	told   complaint
}

// maxErrors is how many times in a row receiving may fail before the socket counts as broken and another one is opened.
const maxErrors = 100

// receive fetches what waits in the ports that have something. It reports false if there may be more: in one of them than a round
// takes, or in all of them than its budget allows.
func (l *loop) receive(tokens []poll.Token, start clock.Instant) bool {
	drained := len(tokens) < fullReady
	for _, t := range tokens {
		if p := l.tokens[t]; p != nil {
			drained = l.drain(p) && drained
		} else if p := l.claims.ports[t]; p != nil {
			l.drainClaims(t, p)
		} else if t == l.carrier.token && t != 0 {
			drained = l.drainCarrier() && drained
		}
		if poll.Mono().Sub(start) > roundBudget {
			return false
		}
	}
	return drained
}

// drain fetches what waits in one port, and reports false if there is more.
func (l *loop) drain(p *heardPort) bool {
	l.rx.Port = p.id
	drained := false
	for got := 0; got < roundPackets && !drained; {
		n, err := p.port.Recv(l.batch)
		if err != nil {
			l.failed(p, err)
			return true // nothing more will come, and nobody else must wait for it
		}
		p.errors = 0
		l.hear(n)
		got += n
		drained = n < l.batch.Cap()
	}
	if lost := p.port.Dropped(); lost > 0 {
		l.driver.Handle(poll.Now(), &vrrp.Overflow{Port: p.id, Packets: lost})
	}
	return drained
}

// hear hands the packets of the batch to the engine.
func (l *loop) hear(n int) {
	now := poll.Now()
	for i := range n {
		d := l.batch.At(i)
		if d.Drop != 0 {
			l.page.AddMalformed()
			continue
		}
		l.rx.Origin = netip.Addr{}
		l.rx.Src, l.rx.Dst, l.rx.TTL, l.rx.ID, l.rx.Payload = d.Src, d.Dst, d.TTL, d.ID, d.Payload
		l.driver.Handle(now, &l.rx)
	}
}

// failed deals with an error of a socket. The kernel tells it once and goes on; a socket that goes on failing would keep the thread
// busy for nothing.
func (l *loop) failed(p *heardPort, err error) {
	if p.told.due(err.Error(), poll.Mono()) {
		l.teller.Say(vrrp.Error, "receive on "+p.port.Name()+": "+err.Error())
	}
	if p.errors++; p.errors >= maxErrors {
		l.drop(p)
		l.helpers.Go(func() { l.ports.Broken(p.id, p.port) })
	}
}

// setPort puts a socket into the poller in place of the one before it.
func (l *loop) setPort(c *portChange) {
	if old := l.open[c.ID]; old != nil {
		l.drop(old)
		l.helpers.Go(func() { l.ports.Close(old.port) }) // others may hold the keeper's lock
	}
	if c.Port == nil {
		return
	}
	l.token++
	p := &heardPort{id: c.ID, port: c.Port, token: l.token}
	if err := l.poller.Add(c.Port.FD(), p.token); err != nil {
		l.teller.Say(vrrp.Error, "cannot listen on "+c.Port.Name()+": "+err.Error())
		l.helpers.Go(func() { l.ports.Broken(c.ID, c.Port) })
		return
	}
	l.open[c.ID], l.tokens[p.token] = p, p
}

// drop takes a socket out of the poller.
func (l *loop) drop(p *heardPort) {
	_ = l.poller.Remove(p.port.FD()) // it fails only if the poller is closed
	delete(l.open, p.id)
	delete(l.tokens, p.token)
}

// Send puts an advert on the wire. Hundreds may be due at once and take longer than vrrp_rlimit_rttime, so there is a rest now and then.
func (l *loop) Send(s *vrrp.Send) error {
	l.rest()
	if s.Port.Transport.Carried() {
		err := l.carry(s)
		if err == nil {
			l.moves.sent(s.Owner)
		}
		return err
	}
	p := l.open[s.Port]
	if p == nil {
		return unix.ENODEV
	}
	err := l.sendOn(p, s)
	if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
		err = l.sendOn(p, s)
	}
	if err == nil {
		l.moves.sent(s.Owner)
	}
	return err
}

func (l *loop) sendOn(p *heardPort, s *vrrp.Send) error {
	if s.MAC == [6]byte{} {
		return p.port.Send(s.Src, s.Dst, s.TTL, s.ID, s.Payload)
	}
	protocol := uint8(wire.ProtoVRRP)
	if s.Port.AH {
		protocol = wire.ProtoAH
	}
	return l.station.Send(s.Index, s.MAC, protocol, s.Src, s.Dst, s.ID, s.Payload)
}
