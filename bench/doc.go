// Command bench measures holdfast side by side with the installed keepalived: the same scenarios on the same topology in one
// run, the two taking turns, so that what else the machine does meets both. It prints a table with ratios, writes JSON and
// draws an SVG.
//
//	go run ./bench -json bench.json -svg docs/performance.svg
//
// A world is one bridge per virtual LAN in a namespace of its own, with two routers and a client as namespaces on its ports.
// Everything is measured from outside of the daemons: adverts by a packet capture at the ports of the bridges, with the
// kernel's receive time; addresses by a netlink subscription; CPU time and memory from /proc, of every process in the router.
// For durations there is a third side, "floor": a loop on one locked thread that does nothing but receive, wait and send, which
// shows what the machine itself costs.
//
// It needs root and about 25 minutes; -quick is for trying it out, -only picks scenarios by name. Nothing outside of the
// namespaces that it makes is touched.
package main
