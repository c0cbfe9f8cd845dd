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
// others would wait for the next packet. The price is paid on the way back: if all Ps are busy, the thread queues for one, and the
// kernel's wake-up is followed by up to a time slice of Go's scheduler (10 ms). Measured with BenchmarkLateness (see there), a
// spare P makes that vanish; so a process that uses this package should run with GOMAXPROCS=2 or more and keep at most
// GOMAXPROCS-1 goroutines computing. All other calls of the package are non-blocking and go through RawSyscall.
package poll
