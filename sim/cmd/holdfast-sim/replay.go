package main

import (
	"fmt"
	"io"
	"os"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/node"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// again replays a recording and shows what was decided, and upon what.
func (o *options) again() (int, error) {
	f, err := os.Open(o.replay)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	s := &story{adverts: o.adverts, most: o.lines}
	n, err := node.Replay(f, s, s.see)
	s.write(o.out)
	if err != nil {
		return 0, fmt.Errorf("%s: after %d events: %w", o.replay, n, err)
	}
	fmt.Fprintf(o.out, "%d events, all decided as they were recorded\n", n)
	return 0, nil
}

// story is what an engine decided, in words; only the last lines are kept.
type story struct {
	adverts bool // each of them
	most    int  // lines; 0 for all
	lines   []string
	left    int // lines that were let go
	begun   clock.Instant
	now     clock.Instant
	upon    string // the event that is handled, until it had a consequence
}

func (s *story) see(now clock.Now, ev vrrp.Event, _ *vrrp.Engine) {
	if s.begun == 0 {
		s.begun = now.Mono
	}
	s.now, s.upon = now.Mono, words(ev)
}

// words says what happened.
func words(ev vrrp.Event) string {
	switch ev := ev.(type) {
	case *vrrp.AdvertsDue, *vrrp.Wakeup:
		return "the time has come"
	case *vrrp.Configure:
		return fmt.Sprintf("configuration of %d routers", len(ev.Config.Routers))
	case *vrrp.Received:
		return fmt.Sprintf("%d octets from %s on %s", len(ev.Payload), ev.Src, ev.Port.Link)
	case *vrrp.Overflow:
		return fmt.Sprintf("%d packets were dropped on %s", ev.Packets, ev.Port.Link)
	case *vrrp.LinkChanged:
		return fmt.Sprintf("link %s: up %v, running %v, %d addresses", ev.Link.Name, ev.Link.Up, ev.Link.Running, len(ev.Link.Addrs))
	case *vrrp.LinkGone:
		return "link " + ev.Name + " is gone"
	case *vrrp.Applied:
		return fmt.Sprintf("the kernel answers for owner %d, generation %d", ev.Owner, ev.Gen)
	case *vrrp.Lost:
		return fmt.Sprintf("address %s of %s was taken away", ev.Key.Prefix, ev.Key.Link)
	case *vrrp.Sent:
		return fmt.Sprintf("sending for owner %d: %s", ev.Owner, or(ev.Err, "works again"))
	case *vrrp.Stop:
		return fmt.Sprintf("stop within %v", ev.Within)
	}
	return fmt.Sprintf("%T %+v", ev, ev)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func (s *story) add(what, format string, args ...any) {
	if s.upon != "" {
		s.line("upon", s.upon)
		s.upon = ""
	}
	s.line("  "+what, fmt.Sprintf(format, args...))
}

func (s *story) line(what, text string) {
	if s.most > 0 && len(s.lines) >= 2*s.most {
		s.left += s.most
		s.lines = append(s.lines[:0], s.lines[s.most:]...)
	}
	s.lines = append(s.lines, fmt.Sprintf("%13.6f  %-10s  %s", s.now.Sub(s.begun).Seconds(), what, text))
}

func (s *story) write(out io.Writer) {
	if n := len(s.lines) - s.most; s.most > 0 && n > 0 {
		s.left += n
		s.lines = s.lines[n:]
	}
	if s.left > 0 {
		fmt.Fprintf(out, "(%d earlier lines are left out; -lines 0 prints all)\n", s.left)
	}
	for _, l := range s.lines {
		fmt.Fprintln(out, l)
	}
}

// Send, and all that follow, are what a driver does.
func (s *story) Send(a *vrrp.Send) error {
	if s.adverts || len(a.Payload) > 2 && a.Payload[2] == 0 {
		s.add("send", "%s to %s, priority %d", a.Src, a.Dst, a.Payload[2])
	}
	return nil
}

func (s *story) Announce(items []vrrp.Announcement) {
	for i := range items {
		s.add("announce", "%s on interface %d", items[i].Addr, items[i].Index)
	}
}

func (s *story) Want(o host.Owner, gen uint64, want host.State) {
	s.add("want", "owner %d, generation %d: %d addresses, %d absent", o, gen, len(want.Addresses), len(want.Absent))
}

func (s *story) Forget(o host.Owner) { s.add("forget", "owner %d", o) }
func (s *story) Tell(ev notify.Event) {
	s.add("tell", "%s %s %s, priority %d", ev.Object, ev.Name, ev.State, ev.Priority)
}

func (s *story) Report(r *vrrp.Report) {
	s.add("say", "%s", r.Text)
}

func (s *story) Moved(t *vrrp.Transition) {
	s.add("move", "%s %s -> %s (%s) %s", t.Name, t.From, t.To, t.Cause.Why, t.Cause.Text)
}

func (s *story) Note(n *vrrp.Note) {
	if n.Hand != vrrp.NoHand {
		s.add("tell", "%s: %v", n.Dst, n.Hand)
		return
	}
	s.add("tell", "%s: we are %v", n.Dst, n.State)
}

func (s *story) Refused(r *vrrp.Refused) { s.add("refuse", "an advert from %s: %v", r.From, r.Reason) }

func (s *story) Publish(*vrrp.Router) {}

var _ node.Outputs = (*story)(nil)
