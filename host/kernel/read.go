package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// Read returns the links of the calling thread's network namespace with their addresses, in the kernel's order.
func Read() ([]host.Link, error) {
	q, err := newRequests(0, false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = q.close() }()
	return q.snapshot()
}

// snapshot reads links, forwarding and addresses, in this order: an address whose link came in between is left out.
func (q *requests) snapshot() ([]host.Link, error) {
	var links []host.Link
	at := map[int]int{}
	err := q.dump(unix.RTM_GETLINK, linkRequest(0), func() { links = links[:0]; clear(at) }, func(m message) {
		if ev, ok := decode(m); ok && ev.Kind == host.LinkNew {
			at[ev.Index] = len(links)
			links = append(links, ev.Link)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading links: %w", err)
	}
	err = q.dump(unix.RTM_GETNETCONF, []byte{unix.AF_INET6, 0, 0, 0}, func() {}, func(m message) {
		if ev, ok := decode(m); ok && ev.Kind == host.Forward6 {
			if i, ok := at[ev.Index]; ok {
				links[i].Forward6 = ev.Forward
			}
		}
	})
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6
		return nil, fmt.Errorf("reading IPv6 forwarding: %w", err)
	}
	byLink := map[int][]host.LinkAddr{}
	if err := q.addresses(0, func(index int, a host.LinkAddr) { byLink[index] = append(byLink[index], a) }, func() {
		clear(byLink)
	}); err != nil {
		return nil, err
	}
	for i := range links {
		links[i].Addrs = byLink[links[i].Index]
		unlabel(links[i].Name, links[i].Addrs)
	}
	return links, nil
}

// addresses reads the addresses of one link, or of all for 0. Reset is called before each new beginning.
func (q *requests) addresses(index int, f func(index int, a host.LinkAddr), reset func()) error {
	var got []host.Event
	reset()
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		body := make([]byte, ifAddrLen)
		body[0] = family
		if q.strict {
			native.PutUint32(body[4:], uint32(index))
		}
		err := q.dump(unix.RTM_GETADDR, body, func() { got = got[:0] }, func(m message) {
			if ev, ok := decode(m); ok && ev.Kind == host.AddrNew && (index == 0 || ev.Index == index) {
				got = append(got, ev)
			}
		})
		if err != nil {
			return fmt.Errorf("reading addresses: %w", err)
		}
		for i := range got {
			q.marks = q.marks || got[i].Addr.Proto != 0
			f(got[i].Index, got[i].Addr)
		}
	}
	return nil
}

// look is host.Kernel's Look: addresses first. Reading the flags waits for whoever is changing links.
func (q *requests) look(index int) (v host.View, err error) {
	err = q.addresses(index, func(_ int, a host.LinkAddr) { v.Addrs = append(v.Addrs, a) }, func() { v.Addrs = nil })
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return v, err
	}
	name := ""
	_, err = q.ask(unix.RTM_GETLINK, 0, linkRequest(index), func(m message) {
		if ev, ok := decode(m); ok && ev.Kind == host.LinkNew && ev.Index == index {
			v.Up, name = ev.Link.Up, ev.Link.Name
		}
	})
	switch {
	case errors.Is(err, unix.ENODEV):
		return host.View{Gone: true}, nil
	case err != nil:
		return v, fmt.Errorf("reading a link: %w", err)
	}
	unlabel(name, v.Addrs)
	return v, nil
}

// linkRequest asks for a link, or for all for 0, without counters.
func linkRequest(index int) []byte {
	body := make([]byte, ifInfoLen)
	native.PutUint32(body[4:], uint32(index))
	return appendAttr32(body, unix.IFLA_EXT_MASK, extMaskSkipStats)
}

// unlabel leaves out labels that say nothing.
func unlabel(name string, addrs []host.LinkAddr) {
	for i := range addrs {
		if addrs[i].Label == name {
			addrs[i].Label = ""
		}
	}
}
