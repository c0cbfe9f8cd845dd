package node

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/link/poll"
	"holdfast.dev/status"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// shower is nobody, but shows what it is told to as the loop does, and notes what the kernel is to hold.
type shower struct {
	nobody
	page   *status.Page
	status vrrp.Status
	record status.Record
	wants  map[host.Owner]pendingState
}

type pendingState struct {
	gen  uint64
	want host.State
}

func (s *shower) Publish(r *vrrp.Router) {
	r.Status(&s.status)
	s.record.Set(&s.status)
	s.page.Put(int(r.Owner())-1, &s.record)
}

func (s *shower) Want(o host.Owner, gen uint64, want host.State) {
	s.wants[o] = pendingState{gen, want}
}

// crowd is a node with many virtual routers, 250 on each link, and what its equal sends.
type crowd struct {
	d      *Driver
	out    *shower
	now    clock.Now
	rx     []vrrp.Received
	due    vrrp.AdvertsDue
	wakeup vrrp.Wakeup
}

func newCrowd(t *testing.T, n int) *crowd {
	page, err := status.Open(make([]byte, status.Size))
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{out: &shower{page: page, wants: map[host.Owner]pendingState{}}, now: poll.Now()}
	c.d = NewDriver(vrrp.New(c.now), c.out)
	cfg := &vrrp.Config{Restore: true}
	src := netip.MustParseAddr("10.0.0.2")
	for i := range n {
		name := fmt.Sprintf("eth%d", i/250)
		if i%250 == 0 {
			own := host.LinkAddr{Prefix: netip.MustParsePrefix("10.0.0.1/16")}
			c.handle(&vrrp.LinkChanged{Link: host.Link{
				Name: name, Index: 2 + i/250, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2, 1}, Addrs: []host.LinkAddr{own},
			}})
		}
		addr := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		s := vrrp.Spec{
			Name: fmt.Sprintf("v%d", i), VRID: uint8(i%250 + 1), Version: wire.V3, Link: name, Group: wire.Group4(), Priority: 100,
			Interval: time.Second, DownAdverts: 3, Accept: wire.FormPseudo, Garp: vrrp.Garp{Repeat: 1},
			Addresses: []vrrp.Address{{Address: host.Address{Key: host.Key{Link: name, Prefix: netip.PrefixFrom(addr, 32)}}}},
		}
		cfg.Routers = append(cfg.Routers, s)
		tm, err := wire.NewTemplate(wire.Params{Version: wire.V3, VRID: s.VRID, Interval: time.Second, Addrs: []netip.Addr{addr}, Sum: wire.FormPseudo})
		if err != nil {
			t.Fatal(err)
		}
		rx := vrrp.Received{Port: s.Port(), Src: src, Dst: wire.Group4(), TTL: 255}
		if rx.Payload, err = tm.Append(nil, 100, rx.Src, rx.Dst); err != nil {
			t.Fatal(err)
		}
		c.rx = append(c.rx, rx)
	}
	c.handle(&vrrp.Configure{Config: cfg})
	return c
}

func (c *crowd) handle(ev vrrp.Event) { c.d.Handle(c.now, ev) }

// second is one of a BACKUP's: an advert of each MASTER, with the rounds of the loop around it.
func (c *crowd) second() {
	for i := range c.rx {
		c.now = c.now.Add(time.Second / time.Duration(len(c.rx)))
		c.handle(&c.due)
		c.handle(&c.rx[i])
		c.handle(&c.wakeup)
		c.d.Publish()
	}
}

// term is one of a MASTER's: whatever is due.
func (c *crowd) term() {
	for end := c.now.Add(time.Second); ; {
		at, ok := c.d.Engine.Deadline()
		if !ok || at > end.Mono {
			c.now = end
			return
		}
		c.now = c.now.Add(max(0, at.Sub(c.now.Mono)))
		c.handle(&c.due)
		c.handle(&c.wakeup)
		c.d.Publish()
	}
}

// TestSteadyStateAllocatesNothing: from the event to the status page, for a thousand virtual routers, as BACKUP and as MASTER.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	c := newCrowd(t, 1000)
	c.second()
	if n := testing.AllocsPerRun(3, c.second); n != 0 {
		t.Errorf("%v allocations in a second of 1,000 BACKUPs", n)
	}
	for range 6 {
		c.term()
	}
	for o, p := range c.out.wants {
		ap := &vrrp.Applied{Applied: host.Applied{Owner: o, Gen: p.gen, Final: true}}
		for _, a := range p.want.Addresses {
			ap.Results = append(ap.Results, host.Result{Key: a.Key})
		}
		c.handle(ap)
	}
	for range 3 {
		c.term()
	}
	if n := testing.AllocsPerRun(3, c.term); n != 0 {
		t.Errorf("%v allocations in a second of 1,000 MASTERs", n)
	}
	var rec status.Record
	if !c.out.page.Get(999, &rec) {
		t.Fatal("the last one is not shown")
	}
	if st := rec.Status(); st.State != vrrp.Master || st.Stats.Sent == 0 || st.Stats.Received != 5 {
		t.Errorf("%v, %d sent, %d heard", st.State, st.Stats.Sent, st.Stats.Received)
	}
}
