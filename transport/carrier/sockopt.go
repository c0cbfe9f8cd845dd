package carrier

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
)

// controlTraffic is the class of routing protocols (RFC 4594), which IP adverts have too.
const controlTraffic = 0xc0

// tune sets what a connection of ours needs. What a kernel does not know is left out: nothing of it is needed for correctness.
func tune(fd int) {
	set := func(level, option, value int) { _ = unix.SetsockoptInt(fd, level, option, value) }
	set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	set(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout/time.Millisecond))
	set(unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, pairing.Batch)
	set(unix.IPPROTO_TCP, unix.TCP_THIN_LINEAR_TIMEOUTS, 1) // no back-off for the first repetitions of a thin stream
	set(unix.IPPROTO_TCP, unix.TCP_RTO_MAX_MS, 1000)        // from 6.15 on; the least that it takes
	set(unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)              // PINGs do that
	set(unix.SOL_SOCKET, unix.SO_PRIORITY, 6)
	mark(fd)
}

// mark sets the class of what is sent.
func mark(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, controlTraffic)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, controlTraffic)
}

// quickAck has the kernel acknowledge at once until it decides otherwise: the other side waits for it.
func quickAck(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}

// measure asks the kernel how far a connection is.
func measure(raw syscall.RawConn) (m transport.Measured, ok bool) {
	err := raw.Control(func(fd uintptr) {
		out, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		if err != nil {
			return
		}
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		m.Acked, m.Out, m.Resent = info.Bytes_acked, uint64(max(out, 0)), uint64(info.Total_retrans)
		m.RTT = time.Duration(info.Rtt+2*info.Rttvar) * time.Microsecond
		ok = true
	})
	return m, ok && err == nil
}

// unsent is how much the kernel has not sent yet because TCP does not let it. An error is the end of the connection.
func unsent(raw syscall.RawConn) (n int, err error) {
	var fault error
	err = raw.Control(func(fd uintptr) { n, fault = unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD) })
	return n, errors.Join(err, fault)
}

// abort makes the close that follows a reset: nothing is kept of what was not sent.
func abort(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// why says in the session's words how a connection or a dial has ended.
func why(err error) transport.Why {
	if w, ok := pairing.Why(err); ok {
		return w
	}
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return transport.Refused
	case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return transport.Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return transport.EndOfStream
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
		return transport.Dropped
	}
	return transport.Unreachable
}
