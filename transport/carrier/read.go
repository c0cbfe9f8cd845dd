package carrier

import (
	"errors"
	"net"
	"syscall"
	"time"

	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

// reader takes frames off a stream.
type reader struct {
	net  net.Conn
	raw  syscall.RawConn // for acknowledgements
	buf  []byte
	from int // what was read and not parsed is buf[from:to]
	to   int
}

// readRoom is more than a frame, and a whole TLS record.
const readRoom = 20 << 10

func newReader(n net.Conn, raw syscall.RawConn, room int) *reader {
	return &reader{net: n, raw: raw, buf: make([]byte, room)}
}

// grow gives a reader that has proved itself its full room.
func (r *reader) grow() {
	if len(r.buf) >= readRoom {
		return
	}
	buf := make([]byte, readRoom)
	r.to = copy(buf, r.buf[r.from:r.to])
	r.from, r.buf = 0, buf
}

// fill waits for more.
func (r *reader) fill() error {
	if r.from > 0 {
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	}
	if r.to == len(r.buf) {
		return wire.ErrLong
	}
	n, err := r.net.Read(r.buf[r.to:])
	r.to += n
	if n > 0 {
		quickAck(r.raw)
		return nil
	}
	return err
}

// hello waits for the other side's HELLO.
func (r *reader) hello() (wire.Hello, error) {
	for {
		h, rest, err := pairing.Introduced(r.buf[r.from:r.to])
		if !errors.Is(err, wire.ErrShort) {
			r.from = r.to - len(rest)
			return h, err
		}
		if err := r.fill(); err != nil {
			return h, err
		}
	}
}

// read hears the other side until the end.
func (c *conn) read(r *reader) (transport.Why, error) {
	r.grow()
	limit := newBucket(framesPerSec, framesPerSec)
	for {
		n, err := c.take(r)
		if err != nil {
			return why(err), err
		}
		if !limit.take(time.Now(), float64(n)) {
			time.Sleep(100 * time.Millisecond) // TCP makes the peer wait
		}
		if err := r.fill(); err != nil {
			return why(err), err
		}
	}
}

// take deals with all frames that have been read.
func (c *conn) take(r *reader) (n int, err error) {
	p := c.pair
	now, out := poll.Mono(), p.c.local.begin()
	defer out.flush()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.batch = out
	rest, n, err := p.Read(now, c, r.buf[r.from:r.to])
	p.batch = nil
	r.from = r.to - len(rest)
	return n, err
}
