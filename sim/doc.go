// Package sim plays holdfast in worlds that a seed gives: two to five machines, each with the real driver of package node, the real
// engine, the real Reconciler and a pretended kernel, on a virtual LAN, among operators, faults and routers of another make that know
// the RFC only. Nothing in it reads a clock or starts a goroutine: the same seed gives the same world, event for event.
//
// A world is a Plan: what stands (Shape) and what goes wrong (Fault), all drawn from the seed before anything runs, so that a failing
// world can be made smaller by leaving things out. It runs in episodes. In each, faults come and go for a while, and what must hold at
// every instant is checked (safety). Then all of them end, and within a time that is worked out from the timers of the protocol (bound.go)
// everything must be as it should (liveness), and stay so for a while.
//
// Files: plan, shape, file (what a seed gives), fault (what goes wrong), world (time, order), machine, loop, writer (a node), lan (packets),
// tcp, carriage, bearer, pair (what carries adverts: kernels, machines, the carrier's process, its peers), peer (a router that knows the RFC only), check… (what must hold), bound (how long it may take), cover (what was reached), timeline and
// shrink (for people).
package sim
