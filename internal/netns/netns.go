package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrGoexit is returned by Do when the function left by runtime.Goexit, as t.FailNow does.
var ErrGoexit = errors.New("the function left its goroutine")

var errClosed = errors.New("the network namespace is closed")

// NS is a network namespace. Its methods may be called from any goroutine, also at the same time.
type NS struct {
	file *os.File      // /proc/…/ns/net: what keeps the namespace alive
	conn *netlink.Conn // requests of the methods that build topologies

	mu     sync.Mutex
	closed bool
	jobs   chan func() // to the resident thread, made by the first Start
}

// New makes a network namespace in which only lo exists, and is up. It fails with a permission error where the
// process has not CAP_SYS_ADMIN in its user namespace.
func New() (*NS, error) {
	n := &NS{}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return err
		}
		conn, err := dial()
		if err != nil {
			_ = file.Close()
			return err
		}
		n.file, n.conn = file, conn
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.SetUp("lo"); err != nil {
		_ = n.Close()
		return nil, err
	}
	return n, nil
}

// Close gives the namespace up. It disappears, with its links, once no process and no open socket is left in it.
// Processes that Start started are not ended by it.
func (n *NS) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	if n.jobs != nil {
		close(n.jobs)
	}
	return errors.Join(n.conn.Close(), n.file.Close())
}

// Fd is a descriptor of the namespace, valid until Close.
func (n *NS) Fd() int { return int(n.file.Fd()) }

// Inode is the number by which the kernel knows the namespace (stat of /proc/…/ns/net), 0 if it cannot be told.
func (n *NS) Inode() uint64 {
	var st unix.Stat_t
	if err := unix.Fstat(n.Fd(), &st); err != nil {
		return 0
	}
	return st.Ino
}

// Do runs f inside the namespace and returns what it returns; see the package comment about threads.
// Calls may overlap, and f may take as long as it likes.
func (n *NS) Do(f func() error) error {
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

func (n *NS) enter() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	if err := unix.Setns(n.Fd(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	return nil
}

// onThread runs f on a thread that dies with it.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends the thread with the goroutine
		err := ErrGoexit
		defer func() { done <- err }()
		err = f()
	}()
	return <-done
}

// Start starts a process inside the namespace. The thread that is its parent lives until Close, so that
// SysProcAttr.Pdeathsig works as one expects.
func (n *NS) Start(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	if err := n.post(func() { done <- cmd.Start() }); err != nil {
		return err
	}
	return <-done
}

// Run starts a process inside the namespace and waits for it. The error of a process that failed holds what it
// wrote to its standard error, if cmd.Stderr was not set.
func (n *NS) Run(cmd *exec.Cmd) error {
	var text strings.Builder
	if cmd.Stderr == nil {
		cmd.Stderr = &text
	}
	if err := n.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(text.String()))
	}
	return nil
}

// post hands a job to the resident thread.
func (n *NS) post(job func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	if n.jobs == nil {
		jobs := make(chan func(), 1)
		ready := make(chan error, 1)
		go reside(n.Fd(), jobs, ready)
		if err := <-ready; err != nil {
			return err
		}
		n.jobs = jobs
	}
	n.jobs <- job
	return nil
}

func reside(fd int, jobs <-chan func(), ready chan<- error) {
	runtime.LockOSThread()
	err := unix.Setns(fd, unix.CLONE_NEWNET)
	ready <- err
	if err != nil {
		return
	}
	for job := range jobs {
		job()
	}
}

// Sysctl reads a value of the namespace, named as in /proc/sys: "net/ipv4/ip_forward".
func (n *NS) Sysctl(name string) (string, error) {
	var value []byte
	err := n.Do(func() (err error) {
		value, err = os.ReadFile(filepath.Join("/proc/sys", name))
		return err
	})
	return strings.TrimSpace(string(value)), err
}

// SetSysctl writes a value of the namespace.
func (n *NS) SetSysctl(name, value string) error {
	return n.Do(func() error { return os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0) })
}
