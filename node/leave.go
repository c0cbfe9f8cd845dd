package node

import (
	"time"

	"holdfast.dev/link"
	"holdfast.dev/link/poll"
	"holdfast.dev/vrrp"
)

// claimPorts are the sockets on which the election thread hears that another station has taken an address over. They are there while a
// router makes way, and only then: every ARP packet of every network would have to be read otherwise.
type claimPorts struct {
	ports   map[poll.Token]*link.ClaimPort
	pending bool // being opened, or could not be
	event   vrrp.Claimed
}

// claimsWaiting is how many addresses may be claimed before the thread fetches the claims. What is lost does no more harm than to let the
// advert of the successor decide.
const claimsWaiting = 1000

// openClaims is called by others than the election thread. A family that cannot be heard is named, the other is heard all the same.
func openClaims(t *teller) (ports []*link.ClaimPort) {
	for _, family := range [...]int{4, 6} {
		p, err := link.OpenClaims(family, claimsWaiting)
		if err != nil {
			t.Say(vrrp.Warning, "handing over: "+err.Error())
			continue
		}
		ports = append(ports, p)
	}
	return ports
}

// hearClaims takes opened sockets into the poller.
func (l *loop) hearClaims(ports []*link.ClaimPort) {
	c := &l.claims
	if c.pending = len(ports) == 0; c.ports == nil {
		c.ports = map[poll.Token]*link.ClaimPort{}
	}
	for _, p := range ports {
		if len(c.ports) == 2 {
			l.discard(p) // there are some already
			continue
		}
		l.token++
		if err := l.poller.Add(p.FD(), l.token); err != nil {
			l.teller.Say(vrrp.Error, "cannot listen for claims of addresses: "+err.Error())
			l.discard(p)
			continue
		}
		c.ports[l.token] = p
	}
}

// discard closes a socket elsewhere: the kernel waits for its other processors meanwhile.
func (l *loop) discard(p *link.ClaimPort) { l.helpers.Go(func() { closeInTurn(p) }) }

// mindClaims ends a round: the sockets are opened when somebody makes way and they are not there, and closed when nobody does any more.
func (l *loop) mindClaims() {
	c := &l.claims
	leaving := l.driver.Engine.Leaving()
	switch {
	case leaving && !c.pending && len(c.ports) == 0:
		c.pending = true
		l.helpers.Go(func() {
			ports := openClaims(l.teller)
			if !l.Do(func(l *loop) { l.hearClaims(ports) }) {
				closeClaims(ports)
			}
		})
	case !leaving && (c.pending || len(c.ports) > 0):
		for token, p := range c.ports {
			l.dropClaims(token, p)
		}
		c.pending = false
	}
	if held := l.lingering; !leaving && held != nil {
		l.lingering = nil
		l.helpers.Go(func() { l.ports.Release(held) })
	}
	if l.parted != nil && !l.driver.Engine.Parting() {
		l.parted()
		l.parted = nil
	}
}

func (l *loop) dropClaims(token poll.Token, p *link.ClaimPort) {
	_ = l.poller.Remove(p.FD()) // it fails only if the poller is closed
	delete(l.claims.ports, token)
	l.discard(p)
}

func closeClaims(ports []*link.ClaimPort) {
	for _, p := range ports {
		_ = p.Close()
	}
}

// drainClaims tells the engine what others claim.
func (l *loop) drainClaims(token poll.Token, p *link.ClaimPort) {
	for got := 0; got < roundPackets; got += link.ClaimBatch {
		claims, more, err := p.Recv()
		if err != nil { // an advert of the successor says the same a moment later
			l.teller.Say(vrrp.Error, "receive claims of addresses: "+err.Error())
			l.claims.pending = true
			l.dropClaims(token, p)
			return
		}
		if len(claims) > 0 {
			l.claims.event.Claims = l.claims.event.Claims[:0]
			for i := range claims {
				c := &claims[i]
				l.claims.event.Claims = append(l.claims.event.Claims, vrrp.Claim{Index: c.Index, MAC: c.MAC, Addr: c.Addr})
			}
			l.driver.Handle(poll.Now(), &l.claims.event)
		}
		if !more {
			return
		}
	}
}

// leave hands over and gives everything up, within the given time.
func (r *vrrpRole) leave(within time.Duration, keep bool) {
	if r.loop == nil {
		return
	}
	var ports []*link.ClaimPort
	if !keep {
		ports = openClaims(r.teller)
	}
	begun := r.loop.Do(func(l *loop) {
		l.hearClaims(ports)
		l.take(input{event: &vrrp.Stop{Keep: keep, Within: within}})
	})
	if !begun {
		closeClaims(ports)
		return
	}
	select {
	case <-r.loop.stopped:
	case <-r.loop.life.Done():
	case <-time.After(max(within*3/4, within-stopSlack)):
		if !keep {
			r.left = max(len(r.kernel.Held()), 1)
		}
	}
}

// stopSlack is what of the time for a stop is left to the last words.
const stopSlack = 500 * time.Millisecond
