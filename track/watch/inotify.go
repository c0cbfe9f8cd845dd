package watch

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Events that may change what a file says. A write counts when it is complete; a name may come by a link too.
const fileEvents = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_CREATE | unix.IN_ATTRIB |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// inotify watches directories for all files in them that are tracked.
type inotify struct {
	file *os.File
	fd   int
	wg   sync.WaitGroup

	mu     sync.Mutex
	byWD   map[int]map[*trackedFile]struct{}
	adding int // watches that are being set: meanwhile none is removed, it could be the same one
	closed bool
}

func newInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify", err)
	}
	n := &inotify{file: os.NewFile(uintptr(fd), "inotify"), fd: fd, byWD: map[int]map[*trackedFile]struct{}{}}
	n.wg.Go(n.read)
	return n, nil
}

func (n *inotify) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	_ = n.file.Close() // ends read
	n.wg.Wait()
}

// add watches the directory of a file. It may take as long as the file system likes. What happens from its return on kicks the file.
func (n *inotify) add(f *trackedFile, path string) (wd int, err error) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return 0, os.ErrClosed
	}
	n.adding++
	n.mu.Unlock()
	wd, err = unix.InotifyAddWatch(n.fd, filepath.Dir(path), fileEvents)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.adding--
	if err == nil {
		if n.byWD[wd] == nil {
			n.byWD[wd] = map[*trackedFile]struct{}{}
		}
		n.byWD[wd][f] = struct{}{}
	}
	n.sweep()
	return wd, err
}

// drop ends the watch for a file.
func (n *inotify) drop(f *trackedFile, wd int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.byWD[wd], f)
	n.sweep()
}

func (n *inotify) sweep() {
	if n.adding > 0 || n.closed {
		return
	}
	for wd, files := range n.byWD {
		if len(files) == 0 {
			delete(n.byWD, wd)
			_, _ = unix.InotifyRmWatch(n.fd, uint32(wd)) // the directory may be gone
		}
	}
}

func (n *inotify) read() {
	buf := make([]byte, 64<<10)
	for {
		got, err := n.file.Read(buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		n.take(buf[:got])
	}
}

// take kicks the files that events are about: struct inotify_event is four 32-bit numbers (wd, mask, cookie, length) and a name.
func (n *inotify) take(b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		wd, mask, size := int(int32(binary.NativeEndian.Uint32(b))), binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
		b = b[unix.SizeofInotifyEvent:]
		size = min(size, len(b))
		name := unix.ByteSliceToString(b[:size])
		b = b[size:]
		n.event(wd, mask, name)
	}
}

func (n *inotify) event(wd int, mask uint32, name string) {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0: // whatever was lost
		for _, files := range n.byWD {
			for f := range files {
				f.poke(name, false)
			}
		}
	case mask&(unix.IN_IGNORED|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT) != 0:
		for f := range n.byWD[wd] {
			f.poke("", true)
		}
		if mask&unix.IN_IGNORED != 0 {
			delete(n.byWD, wd)
		}
	default:
		for f := range n.byWD[wd] {
			f.poke(name, false)
		}
	}
}
