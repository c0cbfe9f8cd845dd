package script

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// capture reads what a script prints, so that it never has to wait, and keeps the end of it.
type capture struct {
	file *os.File
	tail []byte
	done chan struct{}
	eof  bool
}

// maxLinger is how many pipes are kept open for what scripts left running in the background. A write to a pipe that nobody
// reads would kill those; this many may be lived with.
const maxLinger = 64

// newCapture gives a capture, and the descriptor to write to.
func newCapture() (*capture, int, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	if err := unix.SetNonblock(pipe[0], true); err != nil {
		unix.Close(pipe[0])
		unix.Close(pipe[1])
		return nil, -1, err
	}
	c := &capture{file: os.NewFile(uintptr(pipe[0]), "output of a script"), done: make(chan struct{})}
	go c.read()
	return c, pipe[1], nil
}

func (c *capture) read() {
	defer close(c.done)
	buf := make([]byte, MaxOutput)
	for {
		n, err := c.file.Read(buf)
		c.keep(buf[:n])
		if err != nil {
			c.eof = !errors.Is(err, os.ErrDeadlineExceeded)
			return
		}
	}
}

func (c *capture) keep(b []byte) {
	c.tail = append(c.tail, b...)
	if over := len(c.tail) - MaxOutput; over > 0 {
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
}

// end gives what was printed until now. If others than the script still hold the pipe, it goes on being emptied.
func (c *capture) end(l *lingerers) string {
	_ = c.file.SetReadDeadline(time.Unix(1, 0))
	<-c.done
	if !c.eof {
		c.drain()
	}
	if c.eof || !l.add(c.file) {
		c.file.Close()
	}
	return string(c.tail)
}

// drain takes out what is in the pipe, but no more than a pipe can hold: somebody may be filling it as fast.
func (c *capture) drain() {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	_ = c.file.SetReadDeadline(time.Time{})
	buf := make([]byte, MaxOutput)
	for left := 1 << 20; left > 0 && !c.eof; {
		n := 0
		_ = raw.Read(func(fd uintptr) bool {
			n, err = unix.Read(int(fd), buf)
			return true
		})
		if err != nil || n < 0 {
			return
		}
		c.keep(buf[:n])
		c.eof = n == 0
		left -= n
	}
}

// lingerers empties pipes until their last writer is gone.
type lingerers struct {
	mu     sync.Mutex
	files  map[*os.File]struct{}
	closed bool
	wg     sync.WaitGroup
}

func (l *lingerers) add(f *os.File) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.files) >= maxLinger {
		return false
	}
	if l.files == nil {
		l.files = make(map[*os.File]struct{})
	}
	l.files[f] = struct{}{}
	l.wg.Go(func() {
		buf := make([]byte, MaxOutput)
		for {
			if _, err := f.Read(buf); err != nil {
				break
			}
		}
		l.mu.Lock()
		delete(l.files, f)
		l.mu.Unlock()
		f.Close()
	})
	return true
}

func (l *lingerers) closeAll() {
	l.mu.Lock()
	l.closed = true
	for f := range l.files {
		f.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}
