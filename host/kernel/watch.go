package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

const (
	pollLimit   = 256     // events of one Poll
	eventBuffer = 8 << 10 // a longer event counts as lost; one about a link has 2 KiB
	eventBatch  = 16
)

// watch is the socket on which the kernel tells of changes.
type watch struct {
	*sock
	in      *inbox
	overrun bool
	marks   bool           // an IFA_PROTO was seen
	tables  bool           // there are events about routes and rules
	self    uint32         // the port of our requests
	names   map[int]string // of links, to tell which labels say nothing
}

func newWatch(buffer int, force bool) (*watch, error) {
	s, _, err := dial(unix.NETLINK_ROUTE, buffer, force)
	if err != nil {
		return nil, err
	}
	for _, group := range []uint32{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_NETCONF,
	} {
		if err := s.conn.JoinGroup(group); err != nil {
			_ = s.close()
			return nil, fmt.Errorf("joining netlink group %d: %w", group, err)
		}
	}
	return &watch{sock: s, in: newInbox(eventBatch, eventBuffer), names: map[int]string{}}, nil
}

// poll is host.Kernel's Poll.
func (w *watch) poll(events []host.Event) ([]host.Event, host.PollState) {
	for n := 0; n < pollLimit && !w.overrun; {
		got, err := w.in.recv(w.fd)
		if err != nil {
			w.overrun = true // ENOBUFS: the receive buffer was full. Whatever else it is, what we know is not good enough
			break
		}
		for i := range got {
			events = w.take(events, i)
		}
		if n += got; got == 0 {
			return events, host.Drained
		}
	}
	if w.overrun {
		return events, host.Overrun
	}
	return events, host.Waiting
}

// take appends the events of one datagram.
func (w *watch) take(events []host.Event, i int) []host.Event {
	b, whole := w.in.datagram(i)
	if !whole {
		w.overrun = true
		return events
	}
	for m, rest, ok := next(b); ok; m, rest, ok = next(rest) {
		if m.typ == unix.NLMSG_OVERRUN {
			w.overrun = true
			continue
		}
		ev, ok := decode(m)
		if !ok {
			continue
		}
		switch ev.Kind {
		case host.LinkNew:
			w.names[ev.Index] = ev.Link.Name
		case host.LinkDel:
			delete(w.names, ev.Index)
		case host.EntryChanged:
			if m.pid == w.self && m.pid != 0 {
				ev.By = host.BySelf
			}
		case host.AddrNew, host.AddrDel:
			w.marks = w.marks || ev.Addr.Proto != 0
			if ev.Addr.Label == w.names[ev.Index] {
				ev.Addr.Label = ""
			}
		}
		events = append(events, ev)
	}
	return events
}

// discard throws away what has come: it is older than what is about to be read.
func (w *watch) discard() error {
	for {
		n, err := w.in.recv(w.fd)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("receiving events: %w", err)
		}
		if err == nil && n == 0 {
			w.overrun = false
			return nil
		}
	}
}

// learn takes over the names of a snapshot.
func (w *watch) learn(links []host.Link) {
	clear(w.names)
	for i := range links {
		w.names[links[i].Index] = links[i].Name
	}
}
