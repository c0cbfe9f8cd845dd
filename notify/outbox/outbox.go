// Package outbox keeps announcements for a server until that has taken them: in order, one at a time, with a bounded number of tries and a
// bounded queue. Whoever announces never waits.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"holdfast.dev/notify"
)

// Limits of an Outbox.
const (
	MaxWaiting = 1024 // announcements; of more, superseded ones go first
	firstPause = time.Second
	maxPause   = time.Minute
)

// Permanent is an error that another try would not mend.
type Permanent struct{ Err error }

func (p *Permanent) Error() string { return p.Err.Error() }

// Unwrap gives the reason.
func (p *Permanent) Unwrap() error { return p.Err }

// Options of an Outbox. The functions are called from its own goroutine; Say from Put too.
type Options struct {
	What string // "mail by 192.0.2.25:25": for the log
	// Deliver makes one try, which must end when ctx does.
	Deliver func(ctx context.Context, ev *notify.Event) error
	// Tries is how often an announcement is tried at most; it is asked for each time.
	Tries func() int
	// Done is told of every announcement that was delivered or given up.
	Done func(ev *notify.Event)
	Say  func(level int, text string)
	// Pause is before the second try, doubled with each further one up to a minute; default 1 s.
	Pause time.Duration
}

const (
	levelInfo = 0
	levelWarn = 4
)

// Outbox is the queue of one server. Its methods may be called from any goroutine.
type Outbox struct {
	opt Options

	mu      sync.Mutex
	queue   []*notify.Event
	busy    bool // the first of them is being delivered
	dropped int
	until   time.Time // of the end; zero while there is none

	wake chan struct{}
	end  chan struct{} // closed by Close
	done chan struct{}
}

// New makes an Outbox.
func New(opt Options) *Outbox {
	if opt.Pause <= 0 {
		opt.Pause = firstPause
	}
	o := &Outbox{opt: opt, wake: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// Put queues an announcement and returns at once. If there was no room it gives back the one that was dropped for it: nothing more will be
// said of that.
func (o *Outbox) Put(ev *notify.Event) (gone *notify.Event) {
	o.mu.Lock()
	o.queue = append(o.queue, ev)
	if len(o.queue) > MaxWaiting {
		gone = o.drop()
		o.dropped++
	}
	began := gone != nil && o.dropped == 1
	o.mu.Unlock()
	if began {
		o.opt.Say(levelWarn, o.opt.What+": the server is too slow, the oldest announcements are dropped")
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return gone
}

// drop makes room: by the oldest announcement that a later one of its object has superseded, or else by the oldest.
func (o *Outbox) drop() *notify.Event {
	first := 0
	if o.busy {
		first = 1
	}
	type object struct {
		kind notify.Object
		name string
	}
	count := map[object]int{}
	for _, ev := range o.queue[first:] {
		count[object{ev.Object, ev.Name}]++
	}
	at := first
	for i, ev := range o.queue[first:] {
		if count[object{ev.Object, ev.Name}] > 1 {
			at = first + i
			break
		}
	}
	gone := o.queue[at]
	o.queue = append(o.queue[:at], o.queue[at+1:]...)
	return gone
}

// Waiting is how many announcements were neither delivered nor given up.
func (o *Outbox) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}

// Close tries what waits once more, until the instant given, and returns when that is done.
func (o *Outbox) Close(until time.Time) {
	o.mu.Lock()
	if o.until.IsZero() {
		o.until = until
		close(o.end)
	}
	o.mu.Unlock()
	<-o.done
}

func (o *Outbox) ending() (until time.Time, yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.until, !o.until.IsZero()
}

func (o *Outbox) run() {
	defer close(o.done)
	for {
		ev := o.first()
		until, ending := o.ending()
		switch {
		case ev != nil && ending && !time.Now().Before(until):
			o.giveUp()
			return
		case ev != nil:
			o.deliver(ev)
		case ending:
			return
		default:
			select {
			case <-o.wake:
			case <-o.end:
			}
		}
	}
}

// first takes the oldest announcement in hand.
func (o *Outbox) first() *notify.Event {
	o.mu.Lock()
	missed := 0
	if o.busy = len(o.queue) > 0; !o.busy {
		missed, o.dropped = o.dropped, 0
	}
	var ev *notify.Event
	if o.busy {
		ev = o.queue[0]
	}
	o.mu.Unlock()
	if missed > 0 {
		o.opt.Say(levelWarn, fmt.Sprintf("%s: the server has caught up, %d announcements were dropped", o.opt.What, missed))
	}
	return ev
}

// deliver tries until there is an outcome.
func (o *Outbox) deliver(ev *notify.Event) {
	pause := o.opt.Pause
	for try := 1; ; try++ {
		err := o.once(ev)
		if err == nil {
			if try > 1 {
				o.opt.Say(levelInfo, fmt.Sprintf("%s: %s %s %s was delivered with the %d. try", o.opt.What, ev.Object, ev.Name, ev.State, try))
			}
			break
		}
		_, ending := o.ending()
		var permanent *Permanent
		if errors.As(err, &permanent) || ending || try >= o.opt.Tries() {
			o.opt.Say(levelWarn, fmt.Sprintf("%s: %s %s %s is given up after %d tries: %v", o.opt.What, ev.Object, ev.Name, ev.State, try, err))
			break
		}
		if try == 1 {
			o.opt.Say(levelWarn, fmt.Sprintf("%s: %s %s %s: %v: it is tried again", o.opt.What, ev.Object, ev.Name, ev.State, err))
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-o.end: // a last time
			wait.Stop()
		}
		pause = min(2*pause, maxPause)
	}
	o.mu.Lock()
	o.queue = append(o.queue[:0], o.queue[1:]...)
	o.busy = false
	o.mu.Unlock()
	o.opt.Done(ev)
}

// once makes a try that ends with the outbox.
func (o *Outbox) once(ev *notify.Event) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	finished := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-finished:
			return
		case <-o.end:
		}
		until, _ := o.ending()
		late := time.NewTimer(time.Until(until))
		defer late.Stop()
		select {
		case <-finished:
		case <-late.C:
			cancel()
		}
	}()
	err := o.opt.Deliver(ctx, ev)
	close(finished)
	<-watched
	return err
}

func (o *Outbox) giveUp() {
	o.mu.Lock()
	left := o.queue
	o.queue, o.busy = nil, false
	o.mu.Unlock()
	o.opt.Say(levelWarn, fmt.Sprintf("%s: the time to stop is over, %d announcements were not delivered", o.opt.What, len(left)))
	for _, ev := range left {
		o.opt.Done(ev)
	}
}
