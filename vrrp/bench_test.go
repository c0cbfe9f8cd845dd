package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/vrrp/wire"
)

// many is a node with n routers, 250 on each link, as MASTER or BACKUP.
type many struct {
	e   *Engine
	now clock.Now
	rx  []Received
	due AdvertsDue
	wk  Wakeup
	st  Status
}

func newMany(t testing.TB, n int, master bool) *many {
	m := &many{e: New(epoch), now: epoch}
	cfg := &Config{Restore: true}
	for i := range n {
		link, vrid := fmt.Sprintf("eth%d", i/250), i%250+1
		if vrid == 1 {
			l := eth0("192.0.2.1/24")
			l.Link.Name, l.Link.Index = link, 2+i/250
			m.e.Step(m.now, l)
		}
		s := spec(fmt.Sprintf("R%d", i), uint8(vrid), 100)
		s.Link, s.Garp = link, Garp{Repeat: 1}
		s.Addresses[0].Key = host.Key{Link: link, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 32)}
		cfg.Routers = append(cfg.Routers, s)
	}
	m.e.Step(m.now, &Configure{Config: cfg})
	for i := range cfg.Routers {
		s := &cfg.Routers[i]
		tm, err := wire.NewTemplate(s.params())
		if err != nil {
			t.Fatal(err)
		}
		rx := Received{Port: s.Port(), Src: netip.MustParseAddr("192.0.2.2"), Dst: wire.Group4(), TTL: 255}
		rx.Payload, _ = tm.Append(nil, 200, rx.Src, rx.Dst)
		m.rx = append(m.rx, rx)
	}
	if master {
		m.now = run(m.e, m.now, m.now.Add(5*time.Second), func(clock.Now, Action) {})
		for range 10_000 {
			if at, ok := m.e.Deadline(); !ok || at > m.now.Mono {
				break
			}
			m.e.Step(m.now, &m.wk)
		}
	}
	m.e.Touched()
	return m
}

// round is a second of a MASTER's life, in slices of 10 ms. It returns the number of Steps.
func (m *many) masters() (steps int) {
	end := m.now.Add(time.Second)
	for {
		at, ok := m.e.Deadline()
		if !ok || at > end.Mono {
			break
		}
		m.now = m.now.Add(max(0, at.Sub(m.now.Mono)))
		m.e.Step(m.now, &m.due)
		m.e.Step(m.now, &m.wk)
		m.publish()
		steps += 2
	}
	m.now = end
	return steps
}

// backups is a second of a BACKUP's life: one advert for each router.
func (m *many) backups() (steps int) {
	gap := time.Second / time.Duration(len(m.rx))
	for i := range m.rx {
		m.now = m.now.Add(gap)
		m.e.Step(m.now, &m.due)
		m.e.Step(m.now, &m.rx[i])
		m.e.Step(m.now, &m.wk)
		m.publish()
		steps += 3
	}
	return steps
}

func (m *many) publish() {
	for _, r := range m.e.Touched() {
		r.Status(&m.st)
	}
}

func BenchmarkSteps(b *testing.B) {
	for _, n := range []int{3, 4000} {
		b.Run(fmt.Sprintf("backup-%d", n), func(b *testing.B) {
			m := newMany(b, n, false)
			m.backups()
			b.ReportAllocs()
			steps := 0
			for b.Loop() {
				steps += m.backups()
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
		})
		b.Run(fmt.Sprintf("master-%d", n), func(b *testing.B) {
			m := newMany(b, n, true)
			m.masters()
			b.ReportAllocs()
			steps := 0
			for b.Loop() {
				steps += m.masters()
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkEvents is one event that concerns few of 4,000 routers.
func BenchmarkEvents(b *testing.B) {
	for _, ev := range []struct {
		name string
		make func(m *many, i int) Event
	}{
		{"overflow", func(*many, int) Event { return &Overflow{Port: PortID{Link: "eth3"}, Packets: 1} }},
		{"short", func(*many, int) Event { return &Received{Port: PortID{Link: "eth3"}, Payload: []byte{1}} }},
		{"flap", func(m *many, i int) Event {
			l := eth0("192.0.2.1/24")
			l.Link.Name, l.Link.Index, l.Link.Running = "eth3", 5, i%2 == 1
			return l
		}},
		{"reload", func(m *many, i int) Event {
			c := *m.e.cfg
			return &Configure{Config: &c}
		}},
	} {
		b.Run(ev.name, func(b *testing.B) {
			m := newMany(b, 4000, false)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m.e.Step(m.now, ev.make(m, i))
				m.e.Touched()
				m.e.Dirty()
				i++
			}
		})
	}
}

// BenchmarkTakeover is the moment at which 4,000 routers become MASTER, with the kernel's answers and all announcements.
func BenchmarkTakeover(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		b.StopTimer()
		m := newMany(b, 4000, false)
		b.StartTimer()
		m.now = run(m.e, m.now, m.now.Add(3700*time.Millisecond), func(clock.Now, Action) {})
		if m.e.routers[0].state != Master {
			b.Fatal("no takeover")
		}
	}
}

func TestManyRoutersAllocateNothing(t *testing.T) {
	for _, master := range []bool{false, true} {
		m := newMany(t, 500, master)
		round := m.backups
		if master {
			round = m.masters
		}
		round()
		if n := testing.AllocsPerRun(5, func() { round() }); n != 0 {
			t.Errorf("%v allocations in a second of 500 routers, master %v", n, master)
		}
		want := Backup
		if master {
			want = Master
		}
		for _, r := range m.e.routers {
			if r.state != want {
				t.Fatalf("%s is %v", r.Name(), r.state)
			}
		}
	}
}
