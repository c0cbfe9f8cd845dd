// Package link holds the sockets of the election thread: [Port] carries adverts, one per interface and address family, and
// [Announcer] sends gratuitous ARPs and unsolicited neighbour advertisements, [ClaimPort] hears those of others. link/poll waits for them.
//
// # Two sides
//
// Opening a port, joining and leaving a group, and changing the filter may wait for locks of the kernel's that anybody may hold
// (a group is joined under the rtnetlink lock). They are called by whoever prepares a configuration, never by the election
// thread; the finished Port is handed over. Recv, Send, Dropped and the methods of Announcer are the election thread's: they
// neither wait, nor allocate, nor take that lock. Joining and sending on one Port at the same time is safe; two goroutines
// in Recv, or two in Send, are not.
//
// # System calls without the scheduler
//
// Every call on the receive and send path is made with MSG_DONTWAIT and through RawSyscall, which does not tell the Go scheduler
// that a system call runs. The calls last microseconds, as long as any piece of Go code between two safe points, so there is
// nothing to hand over; with Syscall the monitor thread may take the P away from a call that was preempted, and the election
// thread then queues for a P behind whatever else the process does. The one call that blocks, epoll_wait in link/poll, is an
// ordinary Syscall: there the P must be given up, or a garbage collection would wait for the next packet.
package link
