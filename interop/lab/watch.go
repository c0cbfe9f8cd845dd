package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// watch is a subscription to what the kernel of a node reports.
type watch struct {
	node *Node
	conn *netlink.Conn
	done sync.WaitGroup

	mu    sync.Mutex
	addrs map[netip.Prefix]bool // of eth0, as they are now
}

// groups are the kinds of events that a daemon's work shows itself in.
var groups = []uint32{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE,
	unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
}

func (n *Node) startWatch() {
	l := n.lab
	l.T.Helper()
	w := &watch{node: n, addrs: map[netip.Prefix]bool{}}
	l.ok(n.NS.Do(func() (err error) {
		w.conn, err = netlink.Dial(unix.NETLINK_ROUTE, nil)
		return err
	}))
	for _, g := range groups {
		l.ok(w.conn.JoinGroup(g))
	}
	_ = w.conn.SetReadBuffer(4 << 20)
	n.watch = w
	// Nothing is there yet but the node's own addresses, which are of no interest.
	w.done.Go(w.run)
}

func (w *watch) stop() {
	_ = w.conn.Close()
	w.done.Wait()
}

func (w *watch) run() {
	for {
		msgs, err := w.conn.Receive()
		if err != nil {
			return
		}
		now := time.Now()
		for _, m := range msgs {
			w.take(now, m)
		}
	}
}

func (w *watch) take(now time.Time, m netlink.Message) {
	what := fmt.Sprintf("netlink message type %d", m.Header.Type)
	switch m.Header.Type {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		has := m.Header.Type == unix.RTM_NEWADDR
		prefix, ok := prefixOf(m.Data)
		if !ok {
			break
		}
		what = fmt.Sprintf("address %v %s", prefix, map[bool]string{true: "added", false: "deleted"}[has])
		w.mu.Lock()
		if has {
			w.addrs[prefix] = true
		} else {
			delete(w.addrs, prefix)
		}
		w.mu.Unlock()
		w.node.lab.rec.hold(hold{now, w.node, prefix.Addr(), has})
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		what = "link"
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		what = "route"
	}
	w.node.lab.rec.change(Change{now, w.node, what})
}

func (r *record) hold(h hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds = append(r.holds, h)
}

func (r *record) change(c Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, c)
}

// prefixOf reads an ifaddrmsg.
func prefixOf(b []byte) (netip.Prefix, bool) {
	if len(b) < 8 {
		return netip.Prefix{}, false
	}
	ad, err := netlink.NewAttributeDecoder(b[8:])
	if err != nil {
		return netip.Prefix{}, false
	}
	var local, address netip.Addr
	for ad.Next() {
		switch ad.Type() {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(ad.Bytes())
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(ad.Bytes())
		}
	}
	if !local.IsValid() {
		local = address // IPv6 has no IFA_LOCAL
	}
	return netip.PrefixFrom(local, int(b[1])), local.IsValid() && binary.NativeEndian.Uint32(b[4:]) != 0
}

// Foreign lists the addresses that somebody gave the node since it was made.
func (n *Node) Foreign() []netip.Prefix {
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	own := []string{n.IPv4(), n.IPv6(), n.Global6()}
	var out []netip.Prefix
	for p := range n.watch.addrs {
		if !slices.Contains(own, p.Addr().String()) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return out
}

// Has reports whether the node holds an address.
func (n *Node) Has(addr netip.Addr) bool {
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	for p := range n.watch.addrs {
		if p.Addr() == addr {
			return true
		}
	}
	return false
}

// Changes lists what the kernel of the node reported since a time.
func (n *Node) Changes(since time.Time) []Change {
	r := n.lab.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Change
	for _, c := range r.changes {
		if c.Node == n && c.At.After(since) {
			out = append(out, c)
		}
	}
	return out
}
