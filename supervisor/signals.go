package supervisor

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signals that glibc counts from its own SIGRTMIN, which is 34, and SIGRTMAX.
const (
	sigJSON       = syscall.Signal(36)
	sigTrace      = syscall.Signal(45) // SIGRTMIN+11, ours
	sigStatsClear = syscall.Signal(63)
	sigThreadDump = syscall.Signal(64)
)

// SignalNumber is the signal that keepalived uses for a purpose, by the words of --signum.
func SignalNumber(purpose string) (int, error) {
	n, ok := map[string]syscall.Signal{
		"STOP": unix.SIGTERM, "RELOAD": unix.SIGHUP, "DATA": unix.SIGUSR1, "STATS": unix.SIGUSR2,
		"STATS_CLEAR": sigStatsClear, "JSON": sigJSON, "TRACE": sigTrace, "TDUMP": sigThreadDump,
	}[purpose]
	if !ok {
		//lint:ignore ST1005 keepalived's words
		return 0, fmt.Errorf("Unknown sigfunc %s", purpose)
	}
	return int(n), nil
}

// listen subscribes to signals. SIGPIPE is received and dropped: to ignore it would be inherited by scripts.
func (s *Supervisor) listen() (stop func()) {
	s.signals = make(chan os.Signal, 64)
	s.childEnded = make(chan os.Signal, 1)
	signal.Notify(s.childEnded, unix.SIGCHLD)
	signal.Notify(s.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPIPE,
		sigJSON, sigTrace, sigStatsClear, sigThreadDump)
	return func() { signal.Stop(s.signals); signal.Stop(s.childEnded) }
}

// signal acts on a signal to the supervisor (rule Q8).
func (s *Supervisor) signal(sig syscall.Signal) {
	switch sig {
	case unix.SIGPIPE:
	case unix.SIGINT:
		if !s.opt.IgnoreINT {
			s.stop()
		}
	case unix.SIGTERM:
		s.stop()
	case unix.SIGHUP:
		s.reload()
	case sigTrace:
		s.toggleRecording()
	case sigThreadDump:
		s.tellAll()
	default:
		s.print(sig)
	}
}

// asked acts on a signal that somebody sent to a role's process.
func (s *Supervisor) asked(number int) {
	switch syscall.Signal(number) {
	case unix.SIGHUP:
		s.reload()
	case sigTrace:
		s.toggleRecording()
	case sigThreadDump:
		s.tellAll()
	case unix.SIGTERM, unix.SIGINT: // the runner leaves when it is told to, and not before the others
	default:
		s.print(syscall.Signal(number))
	}
}
