package node

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/supervisor/role"
)

// answers is a writer that notes what it is told.
type answers struct {
	mu   sync.Mutex
	text string
}

func (a *answers) WallDone(id uint64, err error, lost bool) {
	a.note(fmt.Sprintf("%d: %v %v; ", id, err, lost))
}
func (a *answers) WallChanged() { a.note("changed; ") }
func (a *answers) note(s string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text += s
}

func (a *answers) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text
}

// runnerEnd makes a connection, and gives its other end.
func runnerEnd(t *testing.T) (ours, theirs *role.Conn) {
	t.Helper()
	a, b, err := role.Pair()
	nstest.OK(t, err)
	ours, err = role.NewConn(a)
	nstest.OK(t, err)
	theirs, err = role.NewConn(b)
	nstest.OK(t, err)
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return ours, theirs
}

// What is asked before there is a runner, and what one did not answer that has died, is asked again. Only the present runner, and the present
// question, count.
func TestChainKeeper(t *testing.T) {
	t.Parallel()
	var c chainKeeper
	var heard answers
	c.Serve(&heard)
	var bars []host.Bar
	for range role.MaxBars + 1 {
		bars = append(bars, host.Bar{Link: "eth0"})
	}
	c.Run(1, &host.WallOp{Do: host.WallWrite, Add: bars})
	expect := func(conn *role.Conn, id uint64) {
		t.Helper()
		n := 0
		for {
			m, _, err := conn.Recv()
			nstest.OK(t, err)
			if m.Wall == nil || m.Wall.ID != id {
				t.Fatalf("heard %+v", m)
			}
			if n += len(m.Wall.Op.Add); !m.Wall.More {
				break
			}
		}
		if n != len(bars) {
			t.Errorf("%d addresses of %d", n, len(bars))
		}
	}
	first, firstEnd := runnerEnd(t)
	c.Meet(first)
	expect(firstEnd, 1)
	second, secondEnd := runnerEnd(t)
	c.Meet(second)
	expect(secondEnd, 1)
	c.Hear(first, &role.Walled{ID: 1, Err: "too late"})
	c.Hear(second, &role.Walled{ID: 7})
	c.Hear(second, &role.Walled{ID: 1})
	c.Hear(second, &role.Walled{ID: 1, Err: "twice"})
	c.Hear(second, &role.Walled{Changed: true})
	third, _ := runnerEnd(t)
	c.Meet(third) // it knows nothing of what was written
	c.Run(2, &host.WallOp{Do: host.WallDrop})
	c.Hear(third, &role.Walled{ID: 2, Err: "no"})
	if got := heard.String(); got != "1: <nil> false; changed; changed; 2: no false; " {
		t.Errorf("the writer heard %s", strings.TrimSpace(got))
	}
}
