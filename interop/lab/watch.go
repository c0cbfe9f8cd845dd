package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
	addrs map[placed]bool
	idle  map[int]bool // links of a virtual MAC that do not run: their addresses are not held
	held  map[netip.Addr]bool
}

// placed is an address on a link.
type placed struct {
	link   int
	prefix netip.Prefix
}

// groups are the kinds of events that a daemon's work shows itself in.
var groups = []uint32{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE,
	unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
}

// startWatch begins while nothing is there yet but the node's own addresses, which are of no interest.
func (n *Node) startWatch() {
	l := n.lab
	l.T.Helper()
	w := &watch{node: n, addrs: map[placed]bool{}, idle: map[int]bool{}, held: map[netip.Addr]bool{}}
	l.ok(n.NS.Do(func() (err error) {
		w.conn, err = netlink.Dial(unix.NETLINK_ROUTE, nil)
		return err
	}))
	for _, g := range groups {
		l.ok(w.conn.JoinGroup(g))
	}
	_ = w.conn.SetReadBuffer(4 << 20)
	n.watch = w
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
			w.node.lab.rec.change(Change{now, w.node, w.take(now, m)})
		}
	}
}

// take notes what a message changes and returns what it says.
func (w *watch) take(now time.Time, m netlink.Message) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m.Header.Type {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		at, ok := addressOf(m.Data)
		if !ok {
			break
		}
		done := "added"
		if m.Header.Type == unix.RTM_NEWADDR {
			w.addrs[at] = true
		} else {
			done = "deleted"
			delete(w.addrs, at)
		}
		w.compare(now)
		return fmt.Sprintf("address %v %s", at.prefix, done)
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		w.link(m)
		w.compare(now)
		return "link"
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return "route"
	}
	return fmt.Sprintf("netlink message type %d", m.Header.Type)
}

// link notes whether a link of a virtual MAC runs. FRR has its addresses on such links all the time, and stops and
// starts the links.
func (w *watch) link(m netlink.Message) {
	if len(m.Data) < 16 {
		return
	}
	index := int(int32(binary.NativeEndian.Uint32(m.Data[4:])))
	flags := binary.NativeEndian.Uint32(m.Data[8:])
	ad, err := netlink.NewAttributeDecoder(m.Data[16:])
	if err != nil {
		return
	}
	for ad.Next() {
		if ad.Type() == unix.IFLA_IFNAME && strings.HasPrefix(ad.String(), vmacPrefix) {
			w.idle[index] = m.Header.Type == unix.RTM_DELLINK || flags&unix.IFF_LOWER_UP == 0
		}
	}
}

// compare tells the record which addresses were gained and lost.
func (w *watch) compare(now time.Time) {
	has := map[netip.Addr]bool{}
	for at := range w.addrs {
		if !w.idle[at.link] {
			has[at.prefix.Addr()] = true
		}
	}
	for addr := range has {
		if !w.held[addr] {
			w.node.lab.rec.hold(hold{now, w.node, addr, true})
		}
	}
	for addr := range w.held {
		if !has[addr] {
			w.node.lab.rec.hold(hold{now, w.node, addr, false})
		}
	}
	w.held = has
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

// addressOf reads an ifaddrmsg.
func addressOf(b []byte) (placed, bool) {
	if len(b) < 8 {
		return placed{}, false
	}
	ad, err := netlink.NewAttributeDecoder(b[8:])
	if err != nil {
		return placed{}, false
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
	index := int(int32(binary.NativeEndian.Uint32(b[4:])))
	return placed{index, netip.PrefixFrom(local, int(b[1]))}, local.IsValid()
}

// Foreign lists the addresses that somebody gave the node's eth0 since it was made.
func (n *Node) Foreign() []netip.Prefix {
	n.lab.T.Helper()
	eth0, err := n.NS.Index("eth0")
	n.lab.ok(err)
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	own := []string{n.IPv4(), n.IPv6(), n.Global6()}
	var out []netip.Prefix
	for at := range n.watch.addrs {
		if at.link == eth0 && !slices.Contains(own, at.prefix.Addr().String()) {
			out = append(out, at.prefix)
		}
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return out
}

// Has reports whether the node holds an address.
func (n *Node) Has(addr netip.Addr) bool {
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	return n.watch.held[addr]
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
