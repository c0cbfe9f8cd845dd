package main

import (
	"errors"
	"fmt"
	"time"

	"holdfast.dev/internal/netns"
)

// perLink is how many virtual routers are on one virtual LAN: a VRID has 8 bits.
const perLink = 250

// world is a network of two routers and a client. Link i of a router is eth<i>, a port of bridge br<i>.
type world struct {
	fabric *netns.NS
	nodes  [2]*node
	client *netns.NS
	links  int
	cap    *capture
	ports  map[int]port // by interface index in the fabric
}

// port is the end of a router's link that is on the bridge.
type port struct{ node, link int }

// node is a router.
type node struct {
	number int
	ns     *netns.NS
	daemon *daemon
	watch  *watch
}

func newWorld(links int) (*world, error) {
	w := &world{links: links, ports: map[int]port{}}
	err := w.build()
	if err == nil {
		w.cap, err = startCapture(w)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) build() (err error) {
	if w.fabric, err = netns.New(); err != nil {
		return err
	}
	if err := w.fabric.SetSysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return err
	}
	for l := range w.links {
		br := fmt.Sprintf("br%d", l)
		if err := errors.Join(w.fabric.AddBridge(br), w.fabric.SetUp(br)); err != nil {
			return err
		}
	}
	for i := range w.nodes {
		n := &node{number: i}
		w.nodes[i] = n
		if n.ns, err = w.host(i); err != nil {
			return err
		}
		for l := range w.links {
			index, err := w.fabric.Index(portName(i, l))
			if err != nil {
				return err
			}
			w.ports[index] = port{i, l}
		}
		if n.watch, err = startWatch(n); err != nil {
			return err
		}
	}
	w.client, err = w.host(2)
	return err
}

func portName(host, link int) string { return fmt.Sprintf("p%d-%d", host, link) }

// host makes a namespace with its links.
func (w *world) host(number int) (*netns.NS, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	if err := ns.SetSysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return ns, err
	}
	for l := range w.links {
		eth, p := fmt.Sprintf("eth%d", l), portName(number, l)
		if err := errors.Join(ns.AddVeth(eth, w.fabric, p), ns.SetMAC(eth, [6]byte{2, 0, 0, 0, byte(l), byte(number + 1)}),
			w.fabric.SetMaster(p, fmt.Sprintf("br%d", l)), w.fabric.SetUp(p), ns.SetUp(eth),
			ns.AddAddr(eth, fmt.Sprintf("10.%d.0.%d/16", l, number+1))); err != nil {
			return ns, err
		}
	}
	return ns, nil
}

// vip is the address of a virtual router.
func vip(link, vrid int) string { return fmt.Sprintf("10.%d.1.%d", link, vrid) }

// close ends the daemons and gives everything up.
func (w *world) close() {
	for _, n := range w.nodes {
		if n == nil {
			continue
		}
		n.kill()
		if n.watch != nil {
			n.watch.stop()
		}
		if n.ns != nil {
			_ = n.ns.Close()
		}
	}
	if w.cap != nil {
		w.cap.stop()
	}
	for _, ns := range []*netns.NS{w.client, w.fabric} {
		if ns != nil {
			_ = ns.Close()
		}
	}
}

// die ends a router as a power cut does: all processes at once, none of them with a chance to notice, then the cables.
func (w *world) die(n *node) error {
	n.kill()
	for l := range w.links {
		if err := w.fabric.SetDown(portName(n.number, l)); err != nil {
			return err
		}
	}
	return nil
}

// revive plugs the cables in again and gives the router only its own addresses, as after a start.
func (w *world) revive(n *node) error {
	for _, a := range n.watch.foreign() {
		if err := n.ns.DelAddr(a.link, a.prefix); err != nil {
			return err
		}
	}
	for l := range w.links {
		if err := w.fabric.SetUp(portName(n.number, l)); err != nil {
			return err
		}
	}
	return nil
}

// other is the other router.
func (w *world) other(n *node) *node { return w.nodes[1-n.number] }

var errLate = errors.New("that took too long")

// await waits until cond is true.
func await(what string, within time.Duration, cond func() bool) error {
	for end := time.Now().Add(within); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%s: %w (%v)", what, errLate, within)
		}
	}
	return nil
}
