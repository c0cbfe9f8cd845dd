// Package lab builds small networks of namespaces, runs real VRRP daemons in them and holds what they do against what
// their configuration allows.
//
// A Lab is a bridge in a namespace of its own with a router namespace per node and a client namespace on its ports.
// Everything is seen from outside the daemons: a packet capture on every port of the bridge tells who advertises and
// who announces an address, and a netlink subscription in every router namespace tells who holds it. A Scene asserts on
// both views at once, over all of the time that it is running: nothing is looked at once and believed.
//
//	l := lab.New(t, lab.Options{Nodes: 2})
//	a, b := l.Nodes[0], l.Nodes[1]
//	s := l.Scene(lab.VR{ID: 51, VIPs: vips, Interval: time.Second})
//	a.Start(lab.Holdfast(t), text)
//	b.Start(lab.Keepalived(t), text)
//	s.Elect(a, within)                              // a is the only master within that time, and stays it …
//	s.Move(b, within, func() { a.PowerOff() })      // … until here, where b takes over
//
// # Time
//
// All times are of the wall clock. Packets carry the kernel's receive time; address events the time at which the
// subscription was read. A Scene's bounds come from the configured timers plus Margin, and all the time for which the machine
// stood still meanwhile; everything else that must come is waited for until only a broken program can be the reason. The lab
// asserts outcomes of the protocol, not milliseconds.
//
// # Cleaning up
//
// Every process in a router namespace was started by the lab and is killed at the end of the test, however it ends.
// Namespaces have no names and disappear with their descriptors.
package lab
