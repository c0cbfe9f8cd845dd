package role

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"golang.org/x/sys/unix"
)

// decode reads one message. Both ends are the same build, so anything unknown is a mistake and not the future.
func decode(data []byte) (Msg, error) {
	var m Msg
	if err := json.Unmarshal(data, &m); err != nil {
		return Msg{}, fmt.Errorf("%w: %v", ErrGarbage, err)
	}
	if n := m.set(); n != 1 {
		return Msg{}, fmt.Errorf("%w: %d kinds in one message", ErrGarbage, n)
	}
	return m, nil
}

// encode makes the bytes of m.
func encode(m *Msg) ([]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLong, len(data), MaxMessage)
	}
	return data, nil
}

// set counts the fields of m that are set.
func (m *Msg) set() int {
	n := 0
	for _, v := range reflect.ValueOf(m).Elem().Fields() {
		if !v.IsNil() {
			n++
		}
	}
	return n
}

// write hands one message to the kernel, waiting until there is room.
func (c *Conn) write(e *entry) error {
	data, err := e.bytes()
	if err != nil {
		return nil // checked in newEntry; what still does not fit is one message, not the connection
	}
	var oob []byte
	if len(e.fds) > 0 {
		oob = unix.UnixRights(e.fds...)
	}
	var fault error
	err = c.raw.Write(func(fd uintptr) bool {
		for {
			fault = unix.Sendmsg(int(fd), data, oob, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			if fault != unix.EINTR {
				break
			}
		}
		return fault != unix.EAGAIN
	})
	if err == nil {
		err = fault
	}
	return err
}

// receive waits for one datagram. Empty data without an error is the end. Files may be returned beside an error.
func (c *Conn) receive() (data []byte, files []*os.File, err error) {
	var n, oobn, flags int
	var fault error
	err = c.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, flags, _, fault = unix.Recvmsg(int(fd), c.buf, c.oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			if fault != unix.EINTR {
				break
			}
		}
		return fault != unix.EAGAIN
	})
	if err == nil {
		err = fault
	}
	if err == unix.ECONNRESET {
		return nil, nil, nil // the peer died with unread messages of ours: for us that is the end like any other
	}
	if err != nil {
		return nil, nil, err
	}
	files, err = parseFiles(c.oob[:oobn])
	switch {
	case err != nil:
	case flags&unix.MSG_TRUNC != 0 || n > MaxMessage:
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLong, MaxMessage)
	case flags&unix.MSG_CTRUNC != 0:
		err = fmt.Errorf("%w: more than %d descriptors, or none left in this process", ErrGarbage, MaxFiles)
	}
	return c.buf[:n], files, err
}

// parseFiles takes the descriptors out of control messages; whatever was parsed is returned, with or without an error.
func parseFiles(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrGarbage, err)
	}
	var files []*os.File
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return files, fmt.Errorf("%w: %v", ErrGarbage, err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

// dupAll duplicates files, so that the caller may close its own at once.
func dupAll(files []*os.File) ([]int, error) {
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("%d descriptors in one message, at most %d", len(files), MaxFiles)
	}
	var out []int
	for _, f := range files {
		fd, err := dup(f)
		if err != nil {
			closeFDs(out)
			return nil, fmt.Errorf("duplicate %s: %w", f.Name(), err)
		}
		out = append(out, fd)
	}
	return out, nil
}

// dup goes through SyscallConn because Fd would switch a socket to blocking mode.
func dup(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	var fault error
	err = raw.Control(func(old uintptr) { fd, fault = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 3) })
	if err == nil {
		err = fault
	}
	return fd, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
