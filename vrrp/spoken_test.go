package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/vrrp/wire"
)

// TestWhoWasHeard: a MASTER knows whose adverts it heard, the master that it was BACKUP of before among them; of five it forgets the
// one that was not heard for longest.
func TestWhoWasHeard(t *testing.T) {
	m := newMany(t, 1, false)
	var st Status
	routerOf := func() *Router { return m.e.Routers()[0] }
	m.now = m.now.Add(time.Millisecond)
	m.e.Step(m.now, &m.rx[0])
	if routerOf().Status(&st); st.State != Backup || st.Master != m.rx[0].Src || st.Speakers != [Speakers]Speaker{} {
		t.Fatalf("a BACKUP of %s: %v %v", st.Master, st.State, st.Speakers)
	}
	first := m.now.Mono
	for range 100 {
		at, ok := m.e.Deadline()
		if routerOf().State() == Master || !ok {
			break
		}
		m.now = m.now.Add(max(0, at.Sub(m.now.Mono)))
		m.e.Step(m.now, &m.due)
		m.e.Step(m.now, &m.wk)
	}
	if routerOf().Status(&st); st.State != Master || st.Speakers[0] != (Speaker{m.rx[0].Src, 200, first}) {
		t.Fatalf("%v has heard %v", st.State, st.Speakers)
	}
	for i := range byte(Speakers) {
		m.now = m.now.Add(time.Millisecond)
		m.e.Step(m.now, lowAdvert(t, m, netip.AddrFrom4([4]byte{192, 0, 2, 100 + i})))
	}
	routerOf().Status(&st)
	for _, s := range st.Speakers {
		if s.Priority != 50 || s.Addr == m.rx[0].Src || s.At <= first {
			t.Errorf("has heard %v", st.Speakers)
		}
	}
}

// lowAdvert is an advert of priority 50.
func lowAdvert(t *testing.T, m *many, src netip.Addr) *Received {
	t.Helper()
	rx := m.rx[0]
	rx.Src = src
	tm, err := wire.NewTemplate(m.e.Routers()[0].spec.params())
	if err != nil {
		t.Fatal(err)
	}
	rx.Payload, err = tm.Append(nil, 50, rx.Src, rx.Dst)
	if err != nil {
		t.Fatal(err)
	}
	return &rx
}
