package runner

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/supervisor/role"
)

// slowChains carry out one operation at a time, when they are let.
type slowChains struct {
	begun chan int // how many addresses it has
	end   chan error
}

func (s *slowChains) Apply(op *host.WallOp) error {
	s.begun <- len(op.Add)
	return <-s.end
}
func (s *slowChains) Changed() (bool, error) { return false, nil }

// Parts become one operation, operations are carried out one after another, and of those that wait only the latest counts.
func TestMason(t *testing.T) {
	t.Parallel()
	s := &slowChains{begun: make(chan int), end: make(chan error)}
	said := make(chan string, 10)
	m := newMason(s, func(w *role.Walled) { said <- fmt.Sprintf("%d %s", w.ID, w.Err) }, func(string) {})
	var bars []host.Bar
	for i := range 3*role.MaxBars - 1 {
		bars = append(bars, host.Bar{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
	}
	give := func(id uint64, n int) {
		for _, p := range role.Parts(id, &host.WallOp{Add: bars[:n], Remove: bars[n:]}) {
			m.take(&p)
		}
	}
	next := func() int {
		select {
		case n := <-s.begun:
			return n
		case <-time.After(time.Minute):
			t.Fatal("nothing is carried out")
			return 0
		}
	}
	cut := role.Parts(1, &host.WallOp{Add: bars})
	m.take(&cut[0]) // and never the rest
	give(2, len(bars))
	if n := next(); n != len(bars) {
		t.Errorf("%d addresses of %d", n, len(bars))
	}
	give(3, 3)
	give(4, 4)
	s.end <- errors.New("no")
	if n := next(); n != 4 {
		t.Errorf("carries out the operation with %d addresses", n)
	}
	s.end <- nil
	if first, second := <-said, <-said; first != "2 no" || second != "4 " {
		t.Errorf("answers %q and %q", first, second)
	}
	m.close()
	none := newMason(nil, func(w *role.Walled) { said <- w.Err }, func(string) {})
	none.take(&cut[0])
	if got := <-said; got == "" {
		t.Error("nobody said that it can't")
	}
	none.close()
}
