// Package syslog writes to the local system log without ever waiting long for it: log/syslog blocks its caller for as long
// as the daemon behind /dev/log does not read.
package syslog

import (
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Facility is a syslog facility code (RFC 5424 section 6.2.1), not shifted.
type Facility uint8

// The facilities that a daemon may ask for.
const (
	User   Facility = 1
	Daemon Facility = 3
	Local0 Facility = 16
	Local7 Facility = 23
)

// Severity is a syslog severity (RFC 5424 section 6.2.1).
type Severity uint8

// The severities.
const (
	Alert   Severity = 1
	Crit    Severity = 2
	Err     Severity = 3
	Warning Severity = 4
	Notice  Severity = 5
	Info    Severity = 6
	Debug   Severity = 7
)

// ParseFacility reads a facility as keepalived's -S does: 0 to 7, local0 to local7, user or daemon.
func ParseFacility(s string) (Facility, error) {
	switch {
	case s == "user":
		return User, nil
	case s == "daemon":
		return Daemon, nil
	case len(s) == 6 && s[:5] == "local":
		s = s[5:]
	}
	if len(s) == 1 && s[0] >= '0' && s[0] <= '7' {
		return Local0 + Facility(s[0]-'0'), nil
	}
	//lint:ignore ST1005 keepalived's words
	return Daemon, fmt.Errorf("Invalid log facility '%s'", s)
}

// Path is where the system log listens.
const Path = "/dev/log"

// MaxText is how much of a message is sent: above 8 KiB common daemons cut or drop.
const MaxText = 7 << 10

// Writer sends lines as glibc's syslog does. It is not safe for concurrent use. The zero value is not usable; see New.
type Writer struct {
	path     string
	facility Facility
	wait     time.Duration
	fd       int
	retry    time.Time // not before this the socket is tried again
	stuck    bool      // the last line did not go out for lack of room: do not wait for the next either
	lost     uint64
}

// New makes a Writer. Nothing is opened yet. A line waits at most wait for room in the socket, and only the first in a
// row of those that find none.
func New(path string, facility Facility, wait time.Duration) *Writer {
	return &Writer{path: path, facility: facility, wait: wait, fd: -1}
}

// Write sends one line, or counts it as lost and says why. After lines were lost, the next that goes out is preceded by
// one that tells how many.
func (w *Writer) Write(at time.Time, sev Severity, ident string, pid int, text string) error {
	if w.lost > 0 {
		note := "holdfast: " + strconv.FormatUint(w.lost, 10) + " log lines were lost before this one"
		if err := w.send(at, Warning, ident, pid, note); err != nil {
			w.lost++
			return err
		}
		w.lost = 0
	}
	if err := w.send(at, sev, ident, pid, text); err != nil {
		w.lost++
		return err
	}
	return nil
}

// Lost is how many lines were lost and not told of yet.
func (w *Writer) Lost() uint64 { return w.lost }

// Close gives the socket up. A later Write opens it again.
func (w *Writer) Close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
		w.fd = -1
	}
}

func (w *Writer) send(at time.Time, sev Severity, ident string, pid int, text string) error {
	if err := w.open(at); err != nil {
		return err
	}
	msg := format(at, w.facility, sev, ident, pid, text)
	err := w.put(msg)
	if err == unix.EAGAIN {
		w.stuck = true
		return fmt.Errorf("%s is not being read", w.path)
	}
	if err != nil { // the daemon was restarted: its socket is another one now
		w.Close()
		if err = w.open(at); err == nil {
			err = w.put(msg)
		}
	}
	if err != nil {
		w.Close()
		w.retry = at.Add(time.Second)
		return fmt.Errorf("%s: %w", w.path, err)
	}
	w.stuck = false
	return nil
}

// put sends one datagram, waiting for room if that is worth while.
func (w *Writer) put(msg []byte) error {
	deadline := time.Now().Add(w.wait)
	for {
		err := unix.Sendto(w.fd, msg, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		left := time.Until(deadline)
		if err != unix.EAGAIN || w.stuck || left <= 0 {
			return err
		}
		p := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLOUT}}
		_, _ = unix.Poll(p, int(left/time.Millisecond)+1)
	}
}

func (w *Writer) open(now time.Time) error {
	if w.fd >= 0 {
		return nil
	}
	if now.Before(w.retry) && w.retry.Sub(now) <= time.Second {
		return fmt.Errorf("%s is not there", w.path)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: w.path}); err != nil {
		unix.Close(fd)
		w.retry = now.Add(time.Second)
		return fmt.Errorf("%s: %w", w.path, err)
	}
	w.fd = fd
	return nil
}

// format is the line as glibc sends it: <priority>Mmm dd hh:mm:ss ident[pid]: text
func format(at time.Time, f Facility, sev Severity, ident string, pid int, text string) []byte {
	b := make([]byte, 0, 64+len(ident)+min(len(text), MaxText))
	b = append(b, '<')
	b = strconv.AppendUint(b, uint64(f)<<3|uint64(sev), 10)
	b = append(b, '>')
	b = at.AppendFormat(b, time.Stamp)
	b = append(b, ' ')
	b = append(b, ident...)
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(pid), 10)
	b = append(b, "]: "...)
	return append(b, text[:min(len(text), MaxText)]...)
}
