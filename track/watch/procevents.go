package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Numbers of linux/connector.h and linux/cn_proc.h.
const (
	cnIdxProc    = 1
	cnValProc    = 1
	mcastListen  = 1
	cnHeader     = 20 // struct cn_msg
	procHeader   = 16 // struct proc_event up to its union
	eventNone    = 0
	eventFork    = 1
	eventExec    = 2
	eventComm    = 0x200
	eventExit    = 0x80000000
	nlmsgDone    = unix.NLMSG_DONE
	defaultBytes = 1 << 20 // of the receive buffer
)

// OpenEvents asks the kernel to tell of all processes that begin, end and change their names. That takes CAP_NET_ADMIN in the first
// user namespace, and the first network and process namespaces; whoever holds the descriptor needs nothing more. size is the receive
// buffer in bytes, 0 for a default; force lets it exceed the system's limit.
func OpenEvents(size int, force bool) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("process events: %w", err)
	}
	f := os.NewFile(uintptr(fd), "process events")
	if err := subscribe(fd, size, force); err != nil {
		f.Close()
		return nil, fmt.Errorf("process events: %w", err)
	}
	return f, nil
}

func subscribe(fd, size int, force bool) error {
	if size <= 0 {
		size, force = defaultBytes, true
	}
	if !force || unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size) // what is lost is made up for by reading /proc
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	ne := binary.NativeEndian
	const body = cnHeader + 4
	b := make([]byte, 0, unix.SizeofNlMsghdr+body)
	b = ne.AppendUint32(b, unix.SizeofNlMsghdr+body)
	b = ne.AppendUint16(b, nlmsgDone)
	b = ne.AppendUint16(b, 0)
	b = ne.AppendUint64(b, 0) // sequence and port
	b = ne.AppendUint32(b, cnIdxProc)
	b = ne.AppendUint32(b, cnValProc)
	b = ne.AppendUint64(b, 0) // sequence and acknowledgement
	b = ne.AppendUint16(b, 4)
	b = ne.AppendUint16(b, 0)
	b = ne.AppendUint32(b, mcastListen)
	if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("send", err)
	}
	return confirmed(fd)
}

// confirmWait is how long the kernel may take to confirm, which it does at once or, in a namespace where it does not want to, never.
const confirmWait = time.Second

// confirmed waits for the answer to the request, in the middle of events that others have caused.
func confirmed(fd int) error {
	buf := make([]byte, 4096)
	for end := time.Now().Add(confirmWait); ; {
		left := time.Until(end).Milliseconds()
		if left <= 0 {
			return errors.New("the kernel does not tell of processes here")
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left))
		if n == 0 || errors.Is(err, unix.EINTR) {
			continue
		}
		got, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("receive", err)
		}
		done := false
		eachEvent(buf[:got], func(what uint32, data []byte) {
			if what == eventNone && len(data) >= 4 {
				if code := binary.NativeEndian.Uint32(data); code != 0 {
					err = unix.Errno(code)
				}
				done = true
			}
		})
		if done || err != nil {
			return err
		}
	}
}

// eachEvent takes netlink messages apart. What is cut short or of another kind is passed over.
func eachEvent(b []byte, do func(what uint32, data []byte)) {
	ne := binary.NativeEndian
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(ne.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return
		}
		m := b[unix.SizeofNlMsghdr:size]
		b = b[min((size+3)&^3, len(b)):]
		if len(m) < cnHeader+procHeader || ne.Uint32(m) != cnIdxProc || ne.Uint32(m[4:]) != cnValProc {
			continue
		}
		m = m[cnHeader:]
		do(ne.Uint32(m), m[procHeader:])
	}
}

// procEvent is something that happened to a process.
type procEvent struct {
	what   uint32
	pid    int
	parent int    // of a fork
	comm   string // of a change of name
}

// parseEvents picks what matters: processes, not threads.
func parseEvents(b []byte, to []procEvent) []procEvent {
	eachEvent(b, func(what uint32, data []byte) {
		if len(data) < 16 {
			return
		}
		at := func(i int) int { return int(binary.NativeEndian.Uint32(data[4*i:])) }
		switch {
		case what == eventFork && at(2) == at(3):
			to = append(to, procEvent{what: what, pid: at(3), parent: at(1)})
		case (what == eventExec || what == eventExit) && at(0) == at(1):
			to = append(to, procEvent{what: what, pid: at(1)})
		case what == eventComm && at(0) == at(1):
			name := data[8:min(len(data), 24)]
			to = append(to, procEvent{what: what, pid: at(1), comm: unix.ByteSliceToString(name)})
		}
	})
	return to
}

// eventReader hears the kernel until it is closed.
type eventReader struct {
	file *os.File
	out  chan []procEvent // nil elements say that something was lost
	quit chan struct{}
	wg   sync.WaitGroup
}

func hearEvents(f *os.File) *eventReader {
	r := &eventReader{file: f, out: make(chan []procEvent), quit: make(chan struct{})}
	r.wg.Go(r.read)
	return r
}

func (r *eventReader) close() {
	close(r.quit)
	_ = r.file.Close()
	r.wg.Wait()
}

// read hands on what came in batches, so that a storm of processes costs few wake-ups.
func (r *eventReader) read() {
	defer close(r.out)
	raw, err := r.file.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 16<<10)
	for {
		var batch []procEvent
		var fault error
		err := raw.Read(func(fd uintptr) bool {
			for len(batch) < 1024 {
				n, from, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
				if errors.Is(err, unix.EINTR) {
					continue
				}
				if fault = err; err != nil {
					break
				}
				if sa, ok := from.(*unix.SockaddrNetlink); ok && sa.Pid == 0 { // from the kernel
					batch = parseEvents(buf[:n], batch)
				}
			}
			return len(batch) > 0 || !errors.Is(fault, unix.EAGAIN)
		})
		if err != nil {
			return // closed
		}
		if len(batch) > 0 && !r.pass(batch) {
			return
		}
		switch {
		case fault == nil || errors.Is(fault, unix.EAGAIN):
		case errors.Is(fault, unix.ENOBUFS):
			if !r.pass(nil) {
				return
			}
		default:
			return
		}
	}
}

func (r *eventReader) pass(batch []procEvent) bool {
	select {
	case r.out <- batch:
		return true
	case <-r.quit:
		return false
	}
}
