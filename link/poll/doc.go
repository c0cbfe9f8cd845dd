// Package poll lets one goroutine on one locked thread wait for sockets, for a point in time and for other goroutines.
//
// # How it waits
//
// [Poller.Wait] is an epoll_wait without timeout on an epoll set that holds the sockets, one timerfd and one eventfd. The
// timerfd is armed with an absolute time of CLOCK_MONOTONIC: it has the kernel's own precision (Go's timers wake through epoll's
// timeout, which counts whole milliseconds), a deadline that has passed fires at once, and nothing is computed from "now".
// Timer and eventfd are edge-triggered, so they are never read: a wake-up by them costs no further system call. Sockets
// are level-triggered: what a round does not fetch is reported again.
//
// epoll_wait goes through Syscall, not RawSyscall: the goroutine gives its P up while it sleeps, or a garbage collection of the
// others would wait for the next packet. The price is paid on the way back: if all Ps compute, the thread queues for one, up
// to a time slice of Go's scheduler (10 ms) and more. With GOMAXPROCS=2 on a machine whose two processors were both overcommitted,
// BenchmarkLateness found on a real-time thread 0.03 ms at the median and 0.06 ms at p99 with no goroutine computing (3 ms at p99 on
// a normal thread), and 14 ms at p99 with two. So: GOMAXPROCS=2, and never more than one other goroutine that computes for
// long. All other calls of the package are non-blocking and go through RawSyscall.
package poll
