package sim

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/transport/local"
	"holdfast.dev/vrrp"
)

// loop is the election thread of package node, in the world's time: adverts that are due, the sockets, the inbox, then decisions.
type loop struct {
	inbox   []input
	taken   []input
	ports   []port
	next    clock.Instant // of the world; 0 while there is nothing to wait for
	ideal   clock.Instant // when it would run if it were never late
	paused  clock.Instant // the process stands still until then
	phase   uint8         // of a round that is not at its end
	drained bool
	skipped int

	starve time.Duration // it is scheduled at most that late
	halved time.Duration // at most that long between the parts of a round

	due  vrrp.AdvertsDue
	up   vrrp.Wakeup
	rx   vrrp.Received
	over vrrp.Overflow
}

// input is one thing in the inbox.
type input struct {
	ev     vrrp.Event
	config *vrrp.Config
}

// port is one socket.
type port struct {
	id    vrrp.PortID
	link  uint8
	index int // of the interface that it is bound to; 0 for none
	queue []int32
	lost  uint32
	limit int
}

const (
	beat         = 500 * time.Millisecond
	roundPackets = 256
	skipRounds   = 16
	socketLimit  = 64 // packets
)

func linkOf(name string) uint8 {
	if name == "eth1" {
		return 1
	}
	return 0
}

// openPorts opens the sockets that a configuration needs and that are not open yet.
func (n *Node) openPorts(c *vrrp.Config) {
	for _, want := range c.Ports() {
		if slices.ContainsFunc(n.ports, func(p port) bool { return p.id == want.ID }) {
			continue
		}
		p := port{id: want.ID, link: linkOf(want.ID.Link), limit: socketLimit}
		if nic := &n.nics[p.link]; nic.there && nic.name == want.ID.Link {
			p.index = nic.index
		}
		n.ports = append(n.ports, p)
	}
}

// closePorts closes the others, after the last goodbye was sent through them.
func (n *Node) closePorts(c *vrrp.Config) {
	wanted := append(c.Ports(), n.driver.Engine.LeavingPorts()...)
	n.ports = slices.DeleteFunc(n.ports, func(p port) bool {
		unwanted := !slices.ContainsFunc(wanted, func(w vrrp.Port) bool { return w.ID == p.id })
		if unwanted {
			n.free(&p)
		}
		return unwanted
	})
}

func (n *Node) free(p *port) {
	n.w.free = append(n.w.free, p.queue...)
	p.queue = p.queue[:0]
}

func (n *Node) dropPackets() {
	for i := range n.ports {
		n.free(&n.ports[i])
	}
}

// port finds the socket of a link, a family and a protocol; nil if there is none that works.
func (n *Node) port(link uint8, ipv6, ah bool) *port {
	for i := range n.ports {
		if p := &n.ports[i]; p.link == link && p.id.IPv6 == ipv6 && p.id.AH == ah && p.index != 0 {
			return p
		}
	}
	return nil
}

// hears reports whether the machine takes a packet from the wire for one of its sockets.
func (n *Node) hears(p *packet) bool {
	if !n.alive || n.deaf || !n.nics[p.link].up {
		return false
	}
	if !p.dst.IsMulticast() && p.dst != n.nics[p.link].own.Addr() && p.dst != n.nics[p.link].own6 {
		return false
	}
	return n.port(p.link, p.dst.Is6(), p.ah) != nil
}

// arrive puts a packet into the socket's buffer, if there is room.
func (n *Node) arrive(slot int32) bool {
	p := &n.w.packets[slot]
	if !n.hears(p) {
		return false
	}
	s := n.port(p.link, p.dst.Is6(), p.ah)
	if len(s.queue) >= s.limit {
		s.lost++
		return false
	}
	s.queue = append(s.queue, slot)
	n.rouse()
	return true
}

// rouse wakes the thread, which takes a moment.
func (n *Node) rouse() {
	if n.phase != 0 {
		return
	}
	if at := n.w.now.Add(n.late()); n.next == 0 || at < n.next {
		n.next, n.ideal = at, min(n.ideal, n.w.now)
	}
}

// late is how long it takes until the thread runs.
func (n *Node) late() time.Duration {
	limit := max(n.w.Plan.Shape.Lateness, n.starve)
	if limit == 0 {
		return 0
	}
	return n.w.net.upTo(limit)
}

// post puts something into the inbox.
func (n *Node) post(in input) {
	n.inbox = append(n.inbox, in)
	n.rouse()
}

// run is one round, or one part of it on a machine where anything may come between two parts.
func (n *Node) run() {
	if n.w.now > n.ideal.Add(n.w.Plan.Shape.Lateness) || n.halved > 0 {
		n.disturbed()
	}
	for {
		n.part(n.clocks.now(n.w.now))
		if n.phase = (n.phase + 1) % 4; n.phase == 0 || !n.alive {
			break
		}
		if n.halved > 0 {
			n.next = n.w.now.Add(n.w.net.upTo(n.halved))
			return
		}
	}
	if n.alive {
		n.arm()
	}
}

func (n *Node) part(now clock.Now) {
	switch n.phase {
	case 0:
		n.handle(now, &n.due)
	case 1:
		n.drained = true
		for i := range n.ports {
			n.drained = n.drain(now, &n.ports[i]) && n.drained
		}
		if len(n.carriage.heard) > 0 || n.carriage.mute {
			n.drained = n.drainCarried(now) && n.drained
		}
	case 2:
		n.inbox, n.taken = n.taken[:0], n.inbox
		for i := range n.taken {
			n.take(now, &n.taken[i])
			n.taken[i] = input{}
		}
	case 3:
		if n.drained || n.skipped >= skipRounds {
			n.skipped = 0
			n.handle(now, &n.up)
		} else {
			n.skipped++
		}
		n.driver.Publish()
		n.w.checks.rounded(n, now)
		if n.stopping && n.driver.Engine.Settled() {
			n.w.checks.settled(n)
			n.stopped()
		}
	}
}

func (n *Node) handle(now clock.Now, ev vrrp.Event) {
	n.w.Steps++
	n.handling = ev
	n.driver.Handle(now, ev)
	if n.recording != nil && !n.driver.Recording() && n.w.RecordAgain {
		n.keepRecording()
		n.recordMore()
	}
	n.w.checks.handled(n, ev)
}

func (n *Node) take(now clock.Now, in *input) {
	if in.config != nil {
		n.commit(now, in.config)
		return
	}
	if _, ok := in.ev.(*vrrp.Stop); ok {
		n.stopping = true
	}
	n.handle(now, in.ev)
}

func (n *Node) drain(now clock.Now, p *port) bool {
	if len(p.queue) == 0 && p.lost == 0 {
		return true
	}
	k := min(len(p.queue), roundPackets)
	n.rx.Port = p.id
	for _, slot := range p.queue[:k] {
		q := &n.w.packets[slot]
		n.rx.Src, n.rx.Dst, n.rx.TTL, n.rx.ID, n.rx.Payload = q.src, q.dst, q.ttl, q.ipID, q.payload
		n.w.checks.hear(n, now, q)
		n.handle(now, &n.rx)
	}
	n.w.free = append(n.w.free, p.queue[:k]...)
	p.queue = p.queue[:copy(p.queue, p.queue[k:])]
	if p.lost > 0 {
		n.over.Port, n.over.Packets = p.id, p.lost
		p.lost = 0
		n.handle(now, &n.over)
	}
	return len(p.queue) == 0
}

// arm works out when the thread runs next.
func (n *Node) arm() {
	at := n.w.now.Add(beat)
	if due, ok := n.driver.Engine.Deadline(); ok {
		at = min(at, max(n.clocks.world(due), n.w.now))
	}
	if len(n.inbox) > 0 || !n.drained {
		at = n.w.now
	}
	n.next, n.ideal = at.Add(n.late()), at
}

var (
	errNoCarrier = errors.New("the carrier process is not there")
	errNoDevice  = errors.New("no such device")
	errDown      = errors.New("network is down")
	errNoAddress = errors.New("cannot assign requested address")
)

// Send puts an advert on the wire.
func (n *Node) Send(s *vrrp.Send) error {
	err := n.sendable(s)
	n.w.checks.sent(n, s, err)
	if err != nil {
		return err
	}
	ttl := int(s.TTL)
	if ttl == 0 {
		ttl = 64
	}
	if k := s.Port.Transport; k.Carried() {
		n.carriage.say(local.Msg{Type: local.Send, Kind: k, IPv6: s.Port.IPv6, Src: s.Src, Dst: s.Dst, ID: s.Port.ID, Payload: s.Payload})
		return nil
	}
	n.w.put(&packet{
		link: linkOf(s.Port.Link), from: int16(n.id), src: s.Src, dst: s.Dst, ttl: ttl, ah: s.Port.AH, ipID: s.ID, payload: s.Payload,
	})
	return nil
}

// drainCarried takes what the carrier has said.
func (n *Node) drainCarried(now clock.Now) bool {
	m := n.carriage
	k := min(len(m.heard), roundPackets)
	for i := range m.heard[:k] {
		msg := &m.heard[i]
		if msg.Type == local.Received {
			n.w.checks.hear(n, now, &packet{kind: msg.Kind, src: msg.Src, dst: msg.Dst, payload: msg.Payload})
		}
		if ev := m.event(msg); ev != nil {
			n.handle(now, ev)
		}
		if !n.alive {
			return true
		}
	}
	m.heard = m.heard[:copy(m.heard, m.heard[k:])]
	if m.mute && len(m.heard) == 0 {
		m.mute = false
		n.handle(now, &vrrp.CarrierLost{})
	}
	return len(m.heard) == 0
}

func (n *Node) sendable(s *vrrp.Send) error {
	if s.Port.Transport.Carried() {
		if n.carriage.carrier == nil {
			return errNoCarrier
		}
		return nil
	}
	link := linkOf(s.Port.Link)
	c := &n.nics[link]
	switch {
	case n.port(link, s.Port.IPv6, s.Port.AH) == nil || c.name != s.Port.Link || !c.there:
		return errNoDevice
	case !c.up:
		return errDown
	case s.Port.IPv6 && !c.ready6:
		return errNoAddress
	}
	return nil
}

// Announce sends gratuitous ARPs and unsolicited NAs. Those listen who make way.
func (n *Node) Announce(items []vrrp.Announcement) {
	n.w.checks.announced(n, items)
	for i, m := range n.w.nodes {
		o, ok := m.(*Node)
		if !ok || o == n || !o.alive || !o.driver.Engine.Leaving() {
			continue
		}
		var claims []vrrp.Claim
		for k := range items {
			it := &items[k]
			link := n.linkAt(it.Index)
			if n.nics[link].up && o.nics[link].up && !n.w.lan.cut[link][n.id][i] && n.w.net.IntN(100) >= n.w.lan.loss {
				claims = append(claims, vrrp.Claim{Index: o.nics[link].index, MAC: it.MAC, Addr: it.Addr})
			}
		}
		if len(claims) > 0 {
			o.later(n.w.lan.delay+n.w.net.upTo(n.w.lan.slow), func() { o.post(input{ev: &vrrp.Claimed{Claims: claims}}) })
		}
	}
}

// linkAt finds a network interface by its number.
func (n *Node) linkAt(index int) uint8 {
	if n.nics[1].index == index || n.nics[1].there && n.baseOf(index) == n.nics[1].index {
		return 1
	}
	return 0
}

// Want hands a desired state to the kernel's keeper.
func (n *Node) Want(o host.Owner, gen uint64, want host.State) {
	n.mailTo(o, wish{gen: gen, want: want})
}

// Forget ends an owner.
func (n *Node) Forget(o host.Owner) { n.mailTo(o, wish{forget: true}) }

// sourceOf is the address from which a router on the link sends.
func (c *nic) sourceOf(ipv6 bool) netip.Addr {
	if ipv6 {
		return c.own6
	}
	return c.own.Addr()
}
