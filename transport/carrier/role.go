package carrier

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// carrier is the state of the role.
type carrier struct {
	ctl       *role.Conn
	tell      *teller
	local     direct
	gate      *gate
	index     atomic.Pointer[index]
	refusals  slowly
	committed atomic.Int64 // when the configuration in force came into it; 0 for none
	work      sync.WaitGroup

	// Of the goroutine of Run, and fixed once there is a peer.
	node      transport.NodeID
	release   string
	pairs     map[transport.PeerKey]*pair
	listeners map[transport.Listen]*listener
	prepared  *generation
	hearer    chan struct{} // closed when the vrrp role's present socket has ended; nil for none
	leaveBy   time.Time

	mu sync.Mutex // of all, which the ticker reads
	// all are the pairs of the configuration in force.
	all []*pair
}

// generation is a configuration on its way into force.
type generation struct {
	number     uint64
	config     *transport.Config
	identities []*identity
}

// Run is the main of the role. It returns after Stop, or when the supervisor is gone and the vrrp role has had its last word.
func Run(ctl *role.Conn) error { return newCarrier(ctl).run() }

func newCarrier(ctl *role.Conn) *carrier {
	c := &carrier{
		ctl: ctl, tell: newTeller(ctl), gate: newGate(), refusals: slowly{of: newBucket(200, 400)},
		pairs: map[transport.PeerKey]*pair{}, listeners: map[transport.Listen]*listener{},
	}
	c.index.Store(newIndex(nil))
	return c
}

func (c *carrier) run() error {
	over := make(chan struct{})
	go c.tick(over)
	orphan := c.obeyAll()
	defer func() { _ = c.ctl.Send(role.Msg{Stopped: &role.Stopped{}}) }()
	if c.hearer != nil { // what the vrrp role has said still goes out
		within := lastWords
		if orphan {
			within = vrrpWithin
		}
		select {
		case <-c.hearer:
		case <-time.After(within):
		}
	}
	close(over)
	if orphan && c.unsaid() {
		c.vanish()
		return nil
	}
	c.leave()
	return nil
}

// unsaid reports whether a router was MASTER up to now and has not said goodbye: the vrrp role has died with the supervisor.
func (c *carrier) unsaid() (yes bool) {
	for _, p := range c.pairs {
		p.mu.Lock()
		p.Session.Outbox().Latest(poll.Mono(), func(frame []byte) { yes = yes || master(frame) })
		p.mu.Unlock()
	}
	return yes
}

// master reports whether an advert that we have sent is no goodbye.
func master(frame []byte) bool {
	var a wire.Advert
	f, _, err := wire.Next(frame)
	if err != nil || a.Parse(&f) != nil {
		return false
	}
	claim, ok := wire.ReadClaim(a.Packet)
	return ok && claim.Priority != 0
}

// vanish ends everything as the death of the whole daemon would: peers find its port refused.
func (c *carrier) vanish() {
	for _, l := range c.listeners {
		l.close()
	}
	for _, p := range c.pairs {
		p.vanish()
	}
	c.local.shut()
}

// tick tells the vrrp role every second how the connections are.
func (c *carrier) tick(over <-chan struct{}) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	look := time.Now().Add(datesAfter)
	for {
		select {
		case <-t.C:
		case <-over:
			return
		}
		c.mu.Lock()
		all := c.all
		c.mu.Unlock()
		for _, p := range all {
			p.mu.Lock()
			p.tellLink()
			p.remind()
			p.mu.Unlock()
		}
		if now := time.Now(); now.After(look) {
			look = now.Add(datesEvery)
			c.sayDates(all, now)
		}
	}
}

// obeyAll does what the supervisor says. It reports true if that is gone.
func (c *carrier) obeyAll() (orphan bool) {
	for {
		m, files, err := c.ctl.Recv()
		switch {
		case errors.Is(err, role.ErrGarbage), errors.Is(err, role.ErrTooLong):
			closeAll(files)
			continue
		case err != nil:
			closeAll(files)
			return true
		}
		stop := c.obey(&m, files)
		closeAll(files)
		if stop {
			return false
		}
	}
}

// obey does what one message asks for. Of files it sets to nil what it keeps.
func (c *carrier) obey(m *role.Msg, files []*os.File) (stop bool) {
	switch {
	case m.Listener != nil && len(files) == 1:
		c.offer(m.Listener.Listen, files[0])
	case m.Prepare != nil:
		ready := role.Ready{Gen: m.Prepare.Gen}
		if err := c.prepare(m.Prepare, files); err != nil {
			c.prepared = nil
			ready.Err = err.Error()
		}
		_ = c.ctl.Send(role.Msg{Ready: &ready}) // that nobody hears it is found out by the next Recv
	case m.Commit != nil:
		c.commit(m.Commit.Gen)
	case m.Abort != nil:
		c.prepared = nil // sockets that came for it are kept until the next Commit: they do not come twice
	case m.Peer != nil && m.Peer.Role == role.VRRP && len(files) == 1:
		c.meet(files[0])
		files[0] = nil
	case m.Stop != nil:
		c.leaveBy = time.Now().Add(min(m.Stop.Within-m.Stop.Within/5, 2*pairing.FlushWithin))
		return true
	}
	return false
}

// offer keeps a socket to listen on. Nobody is let in by it before a configuration needs it.
func (c *carrier) offer(at transport.Listen, f *os.File) {
	if c.listeners[at] != nil {
		return
	}
	l, err := newListener(at, f)
	if err != nil {
		c.tell.say(failure, "port %d: %v", at.Port, err)
		return
	}
	c.listeners[at] = l
}

func (c *carrier) prepare(p *role.Prepare, files []*os.File) error {
	c.prepared = nil
	if len(files) == 0 {
		return errors.New("no configuration came with the message")
	}
	cfg, err := role.ReadTransport(files[0])
	if err != nil {
		return err
	}
	g := &generation{number: p.Gen, config: cfg, identities: make([]*identity, len(cfg.Identities))}
	for i := range cfg.Identities {
		if g.identities[i], err = readIdentity(&cfg.Identities[i]); err != nil {
			return err
		}
	}
	if len(cfg.Peers) > transport.MaxPeers {
		return fmt.Errorf("%d peers, at most %d", len(cfg.Peers), transport.MaxPeers)
	}
	for i := range cfg.Peers {
		p := &cfg.Peers[i]
		if p.Kind == transport.TLS && (p.Identity < 0 || p.Identity >= len(g.identities)) {
			return fmt.Errorf("peer %v has no certificate", p.Addr)
		}
	}
	for _, at := range cfg.Listens() {
		if c.listeners[at] == nil {
			return fmt.Errorf("there is no socket for port %d of %v", at.Port, at.Addr)
		}
	}
	c.prepared = g
	return nil
}

func (c *carrier) commit(gen uint64) {
	g := c.prepared
	if g == nil || g.number != gen {
		c.tell.say(failure, "told to commit a configuration that was not prepared")
		return // without an answer the supervisor starts us anew
	}
	c.prepared = nil
	if c.node == (transport.NodeID{}) {
		c.node = g.config.Node
	}
	c.release = g.config.Release
	c.setPeers(g)
	c.setListeners(g)
	c.committed.Store(int64(poll.Mono()))
	_ = c.ctl.Send(role.Msg{Done: &role.Gen{Gen: gen}})
}

// setPeers begins, changes and ends what the configuration does. Peers that stay keep their connections.
func (c *carrier) setPeers(g *generation) {
	before := c.pairs
	c.pairs = map[transport.PeerKey]*pair{}
	var all []*pair
	for i := range g.config.Peers {
		peer := g.config.Peers[i]
		var id *identity
		if peer.Kind == transport.TLS {
			id = g.identities[peer.Identity]
		}
		p := before[peer.PeerKey]
		if p == nil {
			p = newPair(c, peer, id)
		} else {
			delete(before, peer.PeerKey)
			p.reconfigure(peer, id)
		}
		c.pairs[peer.PeerKey] = p
		all = append(all, p)
	}
	c.index.Store(newIndex(c.pairs))
	c.mu.Lock()
	c.all = all
	c.mu.Unlock()
	for _, p := range before {
		p.close(wire.ByeChanged)
	}
}

// setListeners uses the sockets that are needed, and closes the others.
func (c *carrier) setListeners(g *generation) {
	needed := map[transport.Listen]bool{}
	for _, at := range g.config.Listens() {
		needed[at] = true
	}
	for at, l := range c.listeners {
		switch {
		case !needed[at]:
			l.close()
			delete(c.listeners, at)
		case !l.used:
			l.used = true
			c.work.Go(func() {
				if at.TCP {
					c.accept(l)
				} else {
					c.receive(l)
				}
			})
		}
	}
	for _, p := range c.pairs {
		p.speakBy(c.listeners)
	}
}

// speakBy gives a peer by UDP the socket that its datagrams leave by.
func (p *pair) speakBy(listeners map[transport.Listen]*listener) {
	if p.key.Kind.Connected() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from = listeners[p.Peer.Listen()]
	if p.from == nil {
		p.from = listeners[p.Peer.ListenAll()]
	}
}

// meet takes a new socket to the vrrp role.
func (c *carrier) meet(f *os.File) {
	own, raw, err := c.local.meet(f)
	if err != nil {
		c.tell.say(failure, "connection to the vrrp process: %v", err)
		return
	}
	over := make(chan struct{})
	c.hearer = over
	c.work.Go(func() {
		defer close(over)
		c.hear(own, raw)
	})
	for _, p := range c.pairs {
		p.mu.Lock()
		p.tellLink()
		p.mu.Unlock()
	}
}

// settled reports whether the vrrp role has had the time to come to the same configuration, which it may be given somewhat earlier.
func (c *carrier) settled() bool {
	at := c.committed.Load()
	return at != 0 && poll.Mono().Sub(clock.Instant(at)) > settleWithin
}

// hear takes what the vrrp role says until its socket ends.
func (c *carrier) hear(own *os.File, raw syscall.RawConn) {
	var waiting []*pair // for the end of the datagram
	take := func(m *local.Msg) {
		if m.Type != local.Send && m.Type != local.Report && m.Type != local.Hand {
			return
		}
		if p := c.index.Load().to(m.Kind, m.Src, m.Dst); p != nil {
			if p.send(m) && !slices.Contains(waiting, p) {
				waiting = append(waiting, p)
			}
		} else if c.settled() {
			c.tell.complain("unknown", "the vrrp process sends to %v by %v, which is not configured", m.Dst, m.Kind)
		}
	}
	garbage := hear(raw, take, func() {
		for _, p := range waiting {
			p.flush()
		}
		clear(waiting)
		waiting = waiting[:0]
	})
	if garbage > 0 {
		c.tell.say(failure, "%d messages of the vrrp process could not be read", garbage)
	}
	c.local.gone(own)
}

// leave says goodbye to all peers and waits until they have heard it.
func (c *carrier) leave() {
	if c.leaveBy.IsZero() {
		c.leaveBy = time.Now().Add(2 * pairing.FlushWithin)
	}
	for _, p := range c.pairs {
		p.close(wire.ByeStop)
	}
	for _, l := range c.listeners {
		l.close()
	}
	c.local.shut()
	done := make(chan struct{})
	go func() {
		c.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(max(time.Until(c.leaveBy), 0)):
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
