// Package node composes a node out of the engines and what they drive. driver.go is the part that the daemon and the simulator have in
// common: event → Step → actions, without a goroutine, a clock or a socket. loop.go is the election thread, vrrp.go the role.
package node

import (
	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// Outputs is what a driver does things with. None of the calls may wait.
type Outputs interface {
	// Send puts an advert on the wire; the error is told to the engine.
	Send(*vrrp.Send) error
	// Announce sends gratuitous ARPs and unsolicited NAs.
	Announce([]vrrp.Announcement)
	// Want hands the desired state of an owner to whoever keeps the kernel; Forget ends the owner.
	Want(o host.Owner, gen uint64, want host.State)
	Forget(o host.Owner)
	// Tell hands an event to the notification queues.
	Tell(notify.Event)
	// Note tells a peer how a router is.
	Note(*vrrp.Note)
	// Report writes to the log.
	Report(*vrrp.Report)
	// Refused is told of every advert that was not taken.
	Refused(*vrrp.Refused)
	// Moved records a transition.
	Moved(*vrrp.Transition)
	// Publish shows the new status of a router.
	Publish(*vrrp.Router)
}

// Driver feeds an engine and performs what it asks for, in order.
type Driver struct {
	Engine *vrrp.Engine
	out    Outputs
	failed map[host.Owner]string // last error of sending, so that the engine hears of changes only
	outbox []vrrp.Sent
}

// NewDriver returns a driver for e.
func NewDriver(e *vrrp.Engine, out Outputs) *Driver {
	return &Driver{Engine: e, out: out, failed: map[host.Owner]string{}}
}

// Handle applies one event and performs all that follows from it.
func (d *Driver) Handle(now clock.Now, ev vrrp.Event) {
	d.perform(d.Engine.Step(now, ev))
	for len(d.outbox) > 0 {
		sent := d.outbox
		d.outbox = nil
		for i := range sent {
			d.perform(d.Engine.Step(now, &sent[i]))
		}
	}
	for _, o := range d.Engine.Dirty() {
		if gen, want := d.Engine.Desired(o); gen != 0 {
			d.out.Want(o, gen, want)
		} else {
			d.out.Forget(o)
			delete(d.failed, o)
		}
	}
}

// Publish shows every router whose status changed. Once a round is enough.
func (d *Driver) Publish() {
	for _, r := range d.Engine.Touched() {
		d.out.Publish(r)
	}
}

func (d *Driver) perform(actions []vrrp.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case *vrrp.Send:
			d.send(a)
		case *vrrp.Announce:
			d.out.Announce(a.Items)
		case *vrrp.Transition:
			d.out.Moved(a)
		case *vrrp.Notify:
			d.out.Tell(a.Event)
		case *vrrp.Refused:
			d.out.Refused(a)
		case *vrrp.Note:
			d.out.Note(a)
		case *vrrp.Report:
			d.out.Report(a)
		}
	}
}

func (d *Driver) send(s *vrrp.Send) {
	text := ""
	if err := d.out.Send(s); err != nil {
		text = err.Error()
	}
	if text != d.failed[s.Owner] {
		d.failed[s.Owner] = text
		d.outbox = append(d.outbox, vrrp.Sent{Owner: s.Owner, Err: text})
	}
}
