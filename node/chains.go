package node

import (
	"errors"
	"sync"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/supervisor/role"
)

// chainLimit is how long the runner may take to change a firewall in chains of iptables; it gives up by itself before.
const chainLimit = 20 * time.Second

// errNoMason is the answer when none comes.
var errNoMason = errors.New("the process that runs iptables does not answer")

// chainKeeper hands changes of a firewall in chains of iptables to the runner, and its answers to the kernel's writer. A runner that takes the place of
// another one is asked again, and knows nothing of what was done before.
type chainKeeper struct {
	mu    sync.Mutex
	asker asker      // the kernel's writer; nil before there is one
	conn  *role.Conn // to the present runner; nil before the first
	id    uint64     // of what waits for an answer, 0 for nothing
	op    *host.WallOp
	used  bool // anything was ever asked
	limit *time.Timer
}

// asker is host/kernel's writer.
type asker interface {
	WallDone(id uint64, err error, lost bool)
	WallChanged()
}

// Serve has answers go to w from now on.
func (c *chainKeeper) Serve(w asker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asker, c.id, c.op = w, 0, nil
}

// Run asks for a change. It does not wait.
func (c *chainKeeper) Run(id uint64, op *host.WallOp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id, c.op, c.used = id, op, true
	if c.limit != nil {
		c.limit.Stop()
	}
	c.limit = time.AfterFunc(chainLimit, func() { c.take(id, errNoMason, true) })
	c.send()
}

// send says what is to be done. If that does not go through, a new connection or the limit will come.
func (c *chainKeeper) send() {
	if c.conn == nil {
		return
	}
	for _, p := range role.Parts(c.id, c.op) {
		_ = c.conn.Send(role.Msg{Wall: &p})
	}
}

// Meet takes a connection to a runner.
func (c *chainKeeper) Meet(conn *role.Conn) {
	c.mu.Lock()
	again, asker := c.used && c.id == 0, c.asker
	c.conn = conn
	if c.id != 0 {
		c.send()
	}
	c.mu.Unlock()
	if again {
		asker.WallChanged() // so that it is written by one that knows what it has written
	}
}

// Hear takes what the runner on a connection says.
func (c *chainKeeper) Hear(conn *role.Conn, w *role.Walled) {
	c.mu.Lock()
	present, asker := c.conn == conn, c.asker
	c.mu.Unlock()
	switch {
	case !present || asker == nil:
	case w.Changed:
		asker.WallChanged()
	case w.Err != "":
		c.take(w.ID, errors.New(w.Err), false)
	default:
		c.take(w.ID, nil, false)
	}
}

// take passes an answer on, once.
func (c *chainKeeper) take(id uint64, err error, lost bool) {
	c.mu.Lock()
	waited, asker := c.id == id && id != 0, c.asker
	if waited {
		c.id, c.op = 0, nil
		c.limit.Stop()
	}
	c.mu.Unlock()
	if waited {
		asker.WallDone(id, err, lost)
	}
}
