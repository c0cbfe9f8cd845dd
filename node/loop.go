package node

import (
	"context"
	"errors"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/link"
	"holdfast.dev/link/poll"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// Bounds of one round of the election thread.
const (
	roundPackets = 256                  // fetched from one port
	roundBudget  = 2 * time.Millisecond // after that the thread blocks once: RLIMIT_RTTIME counts what does not
	skipRounds   = 16                   // rounds that a port with ever more packets may put off take-overs
	batchPackets = 64
	inboxItems   = 1 << 14
)

// keeper is who keeps the kernel: host/kernel's writer.
type keeper interface {
	Want(o host.Owner, gen uint64, want host.State)
	Forget(o host.Owner)
}

// input is one thing in the inbox of the election thread: an event, a socket, or something to do there.
type input struct {
	event vrrp.Event
	port  *portChange
	do    func(l *loop)
}

// loop is the election thread: it owns the engine, the sockets and the deadline, and nothing on it ever waits for anything but time.
type loop struct {
	driver    *Driver
	poller    *poll.Poller
	inbox     *poll.Inbox[input]
	announcer *link.Announcer
	kernel    keeper
	keeper    *portKeeper
	teller    *teller
	page      *status.Page

	ports     map[vrrp.PortID]*heardPort
	tokens    map[poll.Token]*heardPort
	token     poll.Token
	batch     *link.Batch
	slots     map[host.Owner]int
	free      []int
	status    vrrp.Status
	record    status.Record
	rx        vrrp.Received
	due       vrrp.AdvertsDue
	wakeup    vrrp.Wakeup
	skipped   int
	claims    claimPorts
	stopped   chan struct{} // closed when everything is given up after Stop
	stop      bool
	lingering bool // the keeper keeps sockets for routers that make way and are no longer configured
	garpErr   string
	late      lateness
}

// heardPort is a socket in the poller.
type heardPort struct {
	id    vrrp.PortID
	port  *link.Port
	token poll.Token
}

// lateness is what the thread knows of its own delays.
type lateness struct {
	deadline clock.Instant
	max      time.Duration
	rounds   uint64
}

// newLoop makes a loop that is not running yet.
func newLoop(page *status.Page, t *teller) (*loop, error) {
	p, err := poll.New()
	if err != nil {
		return nil, err
	}
	a, err := link.OpenAnnouncer()
	if err != nil {
		p.Close()
		return nil, err
	}
	l := &loop{
		poller: p, announcer: a, teller: t, page: page,
		ports: map[vrrp.PortID]*heardPort{}, tokens: map[poll.Token]*heardPort{}, batch: link.NewBatch(batchPackets),
		slots: map[host.Owner]int{}, stopped: make(chan struct{}),
	}
	l.inbox = poll.NewInbox(inboxItems, p.Wake, mergeLinks)
	l.driver = NewDriver(vrrp.New(poll.Now()), l)
	return l, nil
}

// mergeLinks lets the newest description of a link replace one that was not read yet, when the inbox is full.
func mergeLinks(waiting []input, v input) bool {
	changed, ok := v.event.(*vrrp.LinkChanged)
	if !ok {
		return false
	}
	for i := len(waiting) - 1; i >= 0; i-- {
		switch ev := waiting[i].event.(type) {
		case *vrrp.LinkGone:
			if ev.Name == changed.Link.Name {
				return false
			}
		case *vrrp.LinkChanged:
			if ev.Link.Name == changed.Link.Name {
				waiting[i] = v
				return true
			}
		}
	}
	return false
}

// Post hands something to the thread. It waits only while the inbox is full.
func (l *loop) Post(in input) { _ = l.inbox.PutWait(context.Background(), in) }

// Run goes round until the poller is closed or fails. It is called in a goroutine of its own and locks its thread.
func (l *loop) Run() error {
	runtime.LockOSThread()
	for {
		ready, err := l.poller.Wait()
		if errors.Is(err, poll.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		l.round(ready)
	}
}

// round is one round of the thread: adverts that are due, packets, the inbox, then decisions.
func (l *loop) round(ready poll.Ready) {
	start := poll.Now()
	l.measure(start)
	l.driver.Handle(start, &l.due)
	drained := l.receive(ready.Tokens)
	for _, in := range l.inbox.Take() {
		l.take(in)
	}
	now := poll.Now()
	if drained || l.skipped >= skipRounds {
		l.skipped = 0
		l.driver.Handle(now, &l.wakeup)
	} else {
		l.skipped++
	}
	l.mindClaims()
	l.driver.Publish()
	l.page.AddBeat()
	if l.stop && l.driver.Engine.Settled() {
		l.stop = false
		close(l.stopped)
	}
	l.arm(now)
	if poll.Mono().Sub(start.Mono) > roundBudget {
		l.poller.Rest()
	}
}

// beat is how often the thread goes round at least, so that others see that it lives.
const beat = 500 * time.Millisecond

func (l *loop) arm(now clock.Now) {
	at, ok := l.driver.Engine.Deadline()
	if idle := now.Mono.Add(beat); !ok || at > idle {
		at = idle
	}
	l.late.deadline = at
	if err := l.poller.SetDeadline(at); err != nil {
		l.teller.Say(vrrp.Error, "election timer: "+err.Error())
	}
}

func (l *loop) measure(now clock.Now) {
	l.late.rounds++
	if l.late.deadline != 0 && now.Mono > l.late.deadline {
		l.late.max = max(l.late.max, now.Mono.Sub(l.late.deadline))
	}
}

// receive fetches what waits in the ports that have something. It reports false if one of them has more than a round takes.
func (l *loop) receive(tokens []poll.Token) bool {
	drained := len(tokens) < 64 // the poller reports no more than that at a time
	for _, t := range tokens {
		if p := l.tokens[t]; p != nil {
			drained = l.drain(p) && drained
		} else if p := l.claims.ports[t]; p != nil {
			l.drainClaims(p)
		}
	}
	return drained
}

func (l *loop) drain(p *heardPort) bool {
	l.rx.Port = p.id
	for got := 0; got < roundPackets; {
		n, err := p.port.Recv(l.batch)
		if err != nil {
			l.teller.Say(vrrp.Error, "receive on "+p.port.Name()+": "+err.Error())
			break
		}
		now := poll.Now()
		for i := range n {
			d := l.batch.At(i)
			if d.Drop != 0 {
				continue
			}
			l.rx.Src, l.rx.Dst, l.rx.TTL, l.rx.Payload = d.Src, d.Dst, d.TTL, d.Payload
			l.driver.Handle(now, &l.rx)
		}
		if got += n; n < l.batch.Cap() {
			if lost := p.port.Dropped(); lost > 0 {
				l.driver.Handle(now, &vrrp.Overflow{Port: p.id, Packets: lost})
			}
			return true
		}
	}
	return false
}

// take deals with one thing of the inbox.
func (l *loop) take(in input) {
	now := poll.Now()
	switch {
	case in.port != nil:
		l.setPort(in.port)
	case in.do != nil:
		in.do(l)
	case in.event != nil:
		if _, ok := in.event.(*vrrp.Stop); ok {
			l.stop = true
		}
		l.driver.Handle(now, in.event)
	}
}

// setPort puts a socket into the poller in place of the one before it.
func (l *loop) setPort(c *portChange) {
	if old := l.ports[c.ID]; old != nil {
		_ = l.poller.Remove(old.port.FD()) // it fails only if the kernel has done it already
		delete(l.ports, c.ID)
		delete(l.tokens, old.token)
		l.keeper.Close(old.port)
	}
	if c.Port == nil {
		return
	}
	l.token++
	p := &heardPort{id: c.ID, port: c.Port, token: l.token}
	if err := l.poller.Add(c.Port.FD(), p.token); err != nil {
		l.teller.Say(vrrp.Error, "cannot listen on "+c.Port.Name()+": "+err.Error())
		return
	}
	l.ports[c.ID], l.tokens[p.token] = p, p
}

// Send puts an advert on the wire.
func (l *loop) Send(s *vrrp.Send) error {
	p := l.ports[s.Port]
	if p == nil {
		return unix.ENODEV
	}
	err := p.port.Send(s.Src, s.Dst, s.TTL, s.ID, s.Payload)
	if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.EAGAIN) {
		err = p.port.Send(s.Src, s.Dst, s.TTL, s.ID, s.Payload)
	}
	return err
}

// Announce sends a slice of gratuitous ARPs and unsolicited NAs.
func (l *loop) Announce(items []vrrp.Announcement) {
	for i := range items {
		it := &items[i]
		if it.Addr.Is4() {
			l.announcer.GARP(it.Index, it.MAC, it.Addr)
		} else {
			l.announcer.NA(it.Index, it.MAC, it.Addr, it.Router)
		}
	}
	text := ""
	for _, err := range l.announcer.Flush() {
		if err != nil {
			text = err.Error()
		}
	}
	if text != l.garpErr {
		if l.garpErr = text; text != "" {
			l.teller.Say(vrrp.Warning, "cannot announce addresses: "+text)
		}
	}
}

// Want hands a desired state to the kernel's keeper.
func (l *loop) Want(o host.Owner, gen uint64, want host.State) { l.kernel.Want(o, gen, want) }

// Forget ends an owner.
func (l *loop) Forget(o host.Owner) {
	l.kernel.Forget(o)
	if i, ok := l.slots[o]; ok {
		delete(l.slots, o)
		l.page.Clear(i)
		l.free = append(l.free, i)
	}
}

// Tell queues a notification.
func (l *loop) Tell(ev notify.Event) { l.teller.Event(ev) }

// Report queues a log line.
func (l *loop) Report(r *vrrp.Report) {
	l.teller.Line(role.Log{Level: int(r.Level), Text: r.Text, Detail: r.Detail, At: time.Now().UnixNano()})
}

// Moved is told of every transition; the log has its line already, the history is the status page's.
func (l *loop) Moved(*vrrp.Transition) {}

// Publish shows a router in the status page.
func (l *loop) Publish(r *vrrp.Router) {
	if !l.driver.Engine.Has(r.Owner()) {
		return // forgotten within this round
	}
	i, ok := l.slots[r.Owner()]
	if !ok {
		i = len(l.slots)
		if n := len(l.free); n > 0 {
			i, l.free = l.free[n-1], l.free[:n-1]
		}
		l.slots[r.Owner()] = i
	}
	r.Status(&l.status)
	l.record.Set(&l.status)
	l.page.Put(i, &l.record)
}
