// Package vrrp is the Virtual Router Redundancy Protocol as a value: RFC 9568 (version 3), RFC 3768 (version 2) and keepalived's
// behaviour around them (rules A to P).
//
// An [Engine] holds all virtual routers of a node. It is told what happens (Step), says what is to be sent, announced and told
// (the actions that Step returns), when it must be called next (Deadline), and what the kernel should hold (Dirty, Desired). It
// never sends, waits, reads a clock or starts a goroutine. One goroutine owns it.
//
// A round of the caller's loop is: Step(AdvertsDue), all packets that are waiting, all other events, Step(Wakeup). A take-over is
// decided in Wakeup only, after everything that was waiting has been heard.
//
// Files: spec (what is configured), event (what can happen), action (what is to be done), engine (who gets what event), facts (links and
// trackers), index (which routers an event is for), router (the states), receive (which packets count), heard (what they do), timers, pause,
// health (faults and priority), keeper and lost (addresses in the kernel), garp and queue, tell (notifications), group, reload, regroup,
// resume, stop, leave (planned hand-over), ports, status. The language of testdata is explained in world_test.go.
package vrrp
