package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Stuck is a file system that can stop answering, as one does whose server is gone: who looks a name up, opens a file or reads from it then
// waits, and once it was told to die it waits so that nothing in the world can end it (state D) until there is an answer. It speaks the
// kernel's protocol for file systems in user space (linux/fuse.h) itself. What is written into its files is thrown away.
//
// The test's own process must not touch it while it hangs.
type Stuck struct {
	Dir string

	dev   *os.File
	names []string
	texts []string
	done  chan struct{}

	mu   sync.Mutex
	hung bool
	held []question
}

// question is a request of the kernel's.
type question struct {
	op           uint32
	unique, node uint64
	body         []byte
}

// NewStuck mounts one with files that everybody may execute. It skips the test where that can't be done.
func NewStuck(t testing.TB, files map[string]string) *Stuck {
	t.Helper()
	s := &Stuck{Dir: filepath.Join(t.TempDir(), "stuck"), done: make(chan struct{})}
	for name, text := range files {
		s.names, s.texts = append(s.names, name), append(s.texts, text)
	}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("the kernel has no file systems in user space: %v", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions", fd)
	if err := unix.Mount("stuck", s.Dir, "fuse.stuck", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(fd)
		t.Skipf("file systems in user space can't be mounted here: %v", err)
	}
	s.dev = os.NewFile(uintptr(fd), "/dev/fuse")
	go s.serve()
	t.Cleanup(func() {
		s.Release()
		_ = unix.Unmount(s.Dir, unix.MNT_DETACH)
		_ = s.dev.Close() // whoever still waits gets an error
		<-s.done
	})
	return s
}

// Path is where a file is.
func (s *Stuck) Path(name string) string { return filepath.Join(s.Dir, name) }

// Hang stops all answers.
func (s *Stuck) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = true
}

// Held is how many questions wait.
func (s *Stuck) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// Release answers what waits, and goes on.
func (s *Stuck) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = false
	for i := range s.held {
		s.answer(&s.held[i])
	}
	s.held = nil
}

// Operations of the protocol, and what is special about them.
const (
	opLookup      = 1
	opForget      = 2
	opGetattr     = 3
	opSetattr     = 4
	opOpen        = 14
	opRead        = 15
	opWrite       = 16
	opStatfs      = 17
	opRelease     = 18
	opFsync       = 20
	opFlush       = 25
	opInit        = 26
	opOpendir     = 27
	opReaddir     = 28
	opReleasedir  = 29
	opAccess      = 34
	opInterrupt   = 36
	opDestroy     = 38
	opBatchForget = 42

	headIn  = 40
	headOut = 16
)

// waits reports whether a question is one that a hung server leaves open.
func (q *question) waits() bool {
	return slices.Contains([]uint32{opLookup, opGetattr, opSetattr, opOpen, opRead, opWrite, opStatfs, opFsync, opOpendir, opReaddir, opAccess}, q.op)
}

// serve reads questions until the file system is unmounted or the device closed.
func (s *Stuck) serve() {
	defer close(s.done)
	buf := make([]byte, 256<<10)
	ne := binary.NativeEndian
	for {
		n, err := s.dev.Read(buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) {
			continue // it was taken back
		}
		if err != nil || n < headIn {
			return
		}
		q := question{ne.Uint32(buf[4:]), ne.Uint64(buf[8:]), ne.Uint64(buf[16:]), slices.Clone(buf[headIn:n])}
		s.mu.Lock()
		if s.hung && q.waits() {
			s.held = append(s.held, q)
		} else {
			s.answer(&q)
		}
		s.mu.Unlock()
	}
}

// answer makes the answer to a question.
func (s *Stuck) answer(q *question) {
	switch q.op {
	case opForget, opBatchForget, opInterrupt:
		return // nobody waits
	case opInit:
		s.reply(q, 0, u32(7), u32(31), u32(0), u32(0), u32(0), u32(64<<10), make([]byte, 64-24))
	case opLookup:
		i := slices.Index(s.names, strings.TrimRight(string(q.body), "\x00"))
		if i < 0 || q.node != 1 {
			s.reply(q, unix.ENOENT)
			return
		}
		// Nothing may be kept: every look-up asks again.
		s.reply(q, 0, u64(uint64(i+2)), u64(0), make([]byte, 24), s.attributes(uint64(i+2)))
	case opGetattr, opSetattr:
		s.reply(q, 0, make([]byte, 16), s.attributes(q.node))
	case opOpen, opOpendir:
		s.reply(q, 0, make([]byte, 16))
	case opRead:
		s.reply(q, 0, s.part(q))
	case opWrite:
		s.reply(q, 0, q.body[16:20], u32(0)) // all of it
	case opStatfs:
		s.reply(q, 0, make([]byte, 40), u32(4096), u32(255), u32(4096), make([]byte, 28))
	case opReaddir, opRelease, opReleasedir, opFlush, opFsync, opAccess, opDestroy:
		s.reply(q, 0)
	default:
		s.reply(q, unix.ENOSYS)
	}
}

// part is what a read asks for.
func (s *Stuck) part(q *question) []byte {
	if len(q.body) < 20 || q.node < 2 || q.node-2 >= uint64(len(s.texts)) {
		return nil
	}
	text := s.texts[q.node-2]
	from := min(binary.NativeEndian.Uint64(q.body[8:]), uint64(len(text)))
	size := uint64(binary.NativeEndian.Uint32(q.body[16:]))
	return []byte(text[from:min(from+size, uint64(len(text)))])
}

// attributes is struct fuse_attr.
func (s *Stuck) attributes(node uint64) []byte {
	mode, size := uint32(unix.S_IFDIR|0o755), uint64(0)
	if node > 1 && node-2 < uint64(len(s.texts)) {
		mode, size = unix.S_IFREG|0o755, uint64(len(s.texts[node-2]))
	}
	b := append(u64(node), u64(size)...)
	b = append(b, make([]byte, 4*8+3*4)...) // blocks and times
	b = append(append(b, u32(mode)...), u32(1)...)
	return append(b, make([]byte, 5*4)...)
}

// reply sends an answer. Whoever asked may have been killed.
func (s *Stuck) reply(q *question, errno unix.Errno, parts ...[]byte) {
	body := slices.Concat(parts...)
	b := append(u32(uint32(headOut+len(body))), u32(uint32(-int32(errno)))...)
	b = append(append(b, u64(q.unique)...), body...)
	_, _ = s.dev.Write(b)
}

func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.NativeEndian.AppendUint64(nil, v) }
