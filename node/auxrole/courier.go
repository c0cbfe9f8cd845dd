package auxrole

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/link/poll"
	"holdfast.dev/notify"
	"holdfast.dev/notify/outbox"
	"holdfast.dev/notify/smtp"
	"holdfast.dev/notify/webhook"
	"holdfast.dev/supervisor/role"
)

// courier tells of transitions by mail and by webhooks. The vrrp role keeps each event until all that is to be told of it was delivered or
// given up, so that what one process of this role has not done the next one does.
type courier struct {
	host *Host

	mu      sync.Mutex
	gen     uint64 // in force
	seen    uint64 // Seq of the last event that was taken
	early   []*notify.Event
	mail    *office            // nil for none
	hooks   map[string]*hook   // by URL
	mailed  map[subject]string // state of the last mail (rule Y5)
	pending map[subject][]*errand
	from    *role.Conn // whose events those are
}

type subject struct {
	kind notify.Object
	name string
}

// errand is an event with what is still to be told of it.
type errand struct {
	ev   *notify.Event
	left int
}

// office is the mail server.
type office struct {
	settings atomic.Pointer[smtp.Settings]
	box      *outbox.Outbox
}

// hook is a webhook.
type hook struct {
	settings atomic.Pointer[webhook.Hook]
	box      *outbox.Outbox
}

// mailTries is how often a mail is tried: for about ten minutes.
const mailTries = 15

// maxEarly bounds the events that wait for the configuration in whose terms they are meant.
const maxEarly = 1 << 14

// Courier is the service that tells of transitions by mail and by webhooks.
func Courier(h *Host) Service {
	c := &courier{host: h, hooks: map[string]*hook{}, mailed: map[subject]string{}, pending: map[subject][]*errand{}}
	h.OnMeet(c.met)
	h.OnEvent(c.event)
	return c
}

// Prepare has nothing that could fail: whether a server can be reached is found out with the first message.
func (c *courier) Prepare(*Generation) error { return nil }

// Abort has nothing to forget.
func (c *courier) Abort() {}

// Commit goes over to the servers of a configuration. What waits for one that is named no longer gets a last try.
func (c *courier) Commit(g *Generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen = g.Number
	c.commitMail(g.Config)
	c.commitHooks(g.Config)
	early := c.early
	c.early = nil
	for _, ev := range early {
		c.tell(ev)
	}
}

// lastTry is how long the last try for a server may take that a configuration names no longer.
const lastTry = 10 * time.Second

func (c *courier) commitMail(cfg *config.Config) {
	m := &cfg.Global.Mail
	s := &smtp.Settings{
		Helo: m.Helo, From: m.From, To: m.To, RouterID: cfg.Global.RouterID, Timeout: m.Timeout, NoFaults: cfg.Global.VRRP.NoEmailFaults,
	}
	if m.Server != "" {
		s.Server = net.JoinHostPort(m.Server, strconv.Itoa(int(m.Port)))
	}
	switch {
	case !s.Usable() && c.mail != nil:
		go c.mail.box.Close(time.Now().Add(lastTry))
		c.mail = nil
	case s.Usable() && c.mail == nil:
		c.mail = c.newOffice()
	}
	if c.mail != nil {
		c.mail.settings.Store(s)
	}
}

func (c *courier) newOffice() *office {
	o := &office{}
	o.box = outbox.New(outbox.Options{
		What: "mail", Tries: func() int { return mailTries }, Done: c.done, Say: func(level int, text string) { c.host.Say(level, 0, text) },
		Deliver: func(ctx context.Context, ev *notify.Event) error {
			s := o.settings.Load()
			var d net.Dialer
			refused, err := s.Send(ctx, d.DialContext, s.Message(ev, happened(ev)))
			for _, text := range refused {
				if err == nil {
					c.host.Say(4, 0, "mail: "+text)
				}
			}
			return err
		},
	})
	return o
}

func (c *courier) commitHooks(cfg *config.Config) {
	wanted := map[string]bool{}
	for _, w := range cfg.Global.Notify.Webhooks {
		wanted[w.URL] = true
		h := c.hooks[w.URL]
		if h == nil {
			h = c.newHook(w.URL)
			c.hooks[w.URL] = h
		}
		h.settings.Store(&webhook.Hook{URL: w.URL, Timeout: w.Timeout, Tries: w.Tries, RouterID: cfg.Global.RouterID})
	}
	for address, h := range c.hooks {
		if !wanted[address] {
			delete(c.hooks, address)
			go h.box.Close(time.Now().Add(lastTry))
		}
	}
}

func (c *courier) newHook(address string) *hook {
	h := &hook{}
	client := webhook.Client()
	h.box = outbox.New(outbox.Options{
		What: "webhook of " + hostOf(address), Tries: func() int { return h.settings.Load().Tries }, Done: c.done,
		Say: func(level int, text string) { c.host.Say(level, 0, text) },
		Deliver: func(ctx context.Context, ev *notify.Event) error {
			return h.settings.Load().Post(ctx, client, ev, happened(ev))
		},
	})
	return h
}

// hostOf leaves out the rest of an address: there may be a secret in it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return u.Host
}

// happened is the wall time of a transition.
func happened(ev *notify.Event) time.Time {
	now := time.Now()
	if at := ev.Times.Decided; at != 0 {
		return now.Add(at.Sub(poll.Now().Mono))
	}
	return now
}

// met is told of a new connection: what comes on it is of another process, which counts anew.
func (c *courier) met(name role.Name, conn *role.Conn) {
	if name != role.VRRP {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.seen = conn, 0
	clear(c.pending)
	for _, ev := range c.early {
		ev.Seq = 0
	}
}

// event takes what a process of the vrrp role has announced.
func (c *courier) event(conn *role.Conn, ev *notify.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case conn != c.from:
		ev.Seq = 0 // the last words of one that is gone: nobody waits for an answer
	case ev.Seq <= c.seen:
		return
	default:
		c.seen = ev.Seq
	}
	if len(c.early) == 0 && ev.Gen <= c.gen {
		c.tell(ev)
		return
	}
	if c.early = append(c.early, ev); len(c.early) > maxEarly {
		c.early = c.early[1:]
	}
}

// tell hands an event to all who are to be told.
func (c *courier) tell(ev *notify.Event) {
	k := subject{ev.Object, ev.Name}
	var to []*outbox.Outbox
	if c.mail != nil && c.mail.settings.Load().Wanted(ev) && c.mailed[k] != ev.Word() {
		c.mailed[k] = ev.Word()
		to = append(to, c.mail.box)
	}
	if ev.State == notify.Deleted {
		delete(c.mailed, k)
	}
	if webhook.Wanted(ev) {
		for _, h := range c.hooks {
			to = append(to, h.box)
		}
	}
	if ev.Seq != 0 {
		c.pending[k] = append(c.pending[k], &errand{ev, len(to)})
	}
	for _, box := range to {
		if gone := box.Put(ev); gone != nil {
			c.finished(gone)
		}
	}
	c.acknowledge(k)
}

// done is called by an outbox that has delivered an event or given it up.
func (c *courier) done(ev *notify.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished(ev)
}

func (c *courier) finished(ev *notify.Event) {
	k := subject{ev.Object, ev.Name}
	for _, e := range c.pending[k] {
		if e.ev == ev {
			e.left--
		}
	}
	c.acknowledge(k)
}

// acknowledge tells the vrrp role up to where all of an object was told.
func (c *courier) acknowledge(k subject) {
	list, upTo := c.pending[k], uint64(0)
	for len(list) > 0 && list[0].left <= 0 {
		upTo = list[0].ev.Seq
		list = list[1:]
	}
	if upTo == 0 {
		return
	}
	if c.pending[k] = list; len(list) == 0 {
		delete(c.pending, k)
	}
	if c.from != nil {
		_ = c.from.Send(role.Msg{Delivered: &role.Delivered{Object: k.kind, Name: k.name, Seq: upTo}})
	}
}

// Close delivers what waits, as far as there is time.
func (c *courier) Close() {
	until := c.host.leaveBy
	c.mu.Lock()
	busy := c.mail != nil || len(c.hooks) > 0
	c.mu.Unlock()
	if busy {
		c.host.awaitLastWords(until)
	}
	c.mu.Lock()
	var boxes []*outbox.Outbox
	if c.mail != nil {
		boxes = append(boxes, c.mail.box)
	}
	for _, h := range c.hooks {
		boxes = append(boxes, h.box)
	}
	c.mu.Unlock()
	var all sync.WaitGroup
	for _, b := range boxes {
		all.Go(func() { b.Close(until) })
	}
	all.Wait()
}
