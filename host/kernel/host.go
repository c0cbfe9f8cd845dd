package kernel

import (
	"errors"
	"slices"
	"time"

	"holdfast.dev/host"
)

// How long to wait before everything is read again when events are lost again and again: reading it is what the machine
// can afford least then.
const (
	resyncPause    = 10 * time.Millisecond
	resyncPauseMax = time.Second
)

// machine is the kernel that we run on, as a Reconciler sees it.
type machine struct {
	requests *requests
	watch    *watch
	heavy    func() // called before something that may take long
	// The firewall's, nil before there is one.
	walls     *walls
	wallWatch *wallWatch
	errands   errands

	pause time.Duration // before the next Snapshot
	last  time.Time     // the latest Snapshot
}

var _ host.Kernel = (*machine)(nil)

func newMachine(cfg Config) (*machine, error) {
	q, err := newRequests(cfg.RequestBuffer, cfg.Force)
	if err != nil {
		return nil, err
	}
	w, err := newWatch(cfg.EventBuffer, cfg.Force)
	if err != nil {
		_ = q.close()
		return nil, err
	}
	w.self = q.conn.PID()
	m := &machine{requests: q, watch: w, heavy: func() {}, errands: errands{run: cfg.Run}}
	q.wall = m.applyWall
	return m, nil
}

func (m *machine) close() error {
	err := errors.Join(m.requests.close(), m.watch.close())
	if m.walls != nil {
		err = errors.Join(err, m.walls.close(), m.wallWatch.close())
	}
	return err
}

// Poll puts an overrun off that follows too closely on the last one.
func (m *machine) Poll(events []host.Event) ([]host.Event, host.PollState) {
	events, state := m.watch.poll(events)
	if m.wallWatch != nil {
		events = m.wallWatch.poll(events)
	}
	events = m.errands.poll(events)
	if state == host.Overrun && time.Since(m.last) < m.pause {
		return events, host.Waiting
	}
	return events, state
}

func (m *machine) Snapshot() ([]host.Link, error) {
	if time.Since(m.last) < max(4*m.pause, resyncPause) {
		m.pause = min(max(2*m.pause, resyncPause), resyncPauseMax)
	} else {
		m.pause = 0
	}
	m.last = time.Now()
	m.heavy()
	if err := m.watch.discard(); err != nil {
		return nil, err
	}
	links, err := m.requests.snapshot()
	if err != nil {
		m.watch.overrun = true
		return nil, err
	}
	m.watch.learn(links)
	return links, nil
}

func (m *machine) Look(index int) (host.View, error) {
	m.heavy() // there may be thousands of addresses
	return m.requests.look(index)
}

func (m *machine) Apply(ops []host.Op, results []host.OpResult) []host.OpResult {
	if slices.ContainsFunc(ops, func(o host.Op) bool { return o.Link != nil || o.Knob != nil || o.Wall != nil }) {
		m.heavy() // each is several requests, and some take the kernel long
	}
	return m.requests.apply(ops, results)
}
