package api

import (
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
)

// limited takes only so many connections at a time.
type limited struct {
	net.Listener
	open atomic.Int64
	max  int64
}

func limit(l net.Listener, n int) *limited { return &limited{Listener: l, max: int64(n)} }

// tooMany is what one connection too many is told.
var tooMany = func() string {
	const body = `{"error":"too many connections at the moment"}` + "\n"
	return fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body)
}()

// Accept waits for a connection. One too many is told so and closed.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.max {
			return &counted{Conn: c, done: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		_, _ = io.WriteString(c, tooMany) // it fits into a new connection's buffer
		_ = c.Close()
	}
}

type counted struct {
	net.Conn
	done func()
}

// Close gives the place free.
func (c *counted) Close() error {
	c.done()
	return c.Conn.Close()
}

// silence is for what goes wrong with single connections, which is nobody's business but theirs.
func silence() *log.Logger { return log.New(io.Discard, "", 0) }
