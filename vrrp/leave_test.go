package vrrp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// leaver holds what must be true from Stop on, whatever happens.
type leaver struct {
	t       *testing.T
	seed    uint64
	e       *Engine
	now     clock.Now
	stopped clock.Instant
	had     map[host.Owner]map[host.Key]bool
	told    map[string]bool
}

func (l *leaver) bad(format string, args ...any) {
	l.t.Errorf("seed %d, %v after Stop: %s", l.seed, l.now.Mono.Sub(l.stopped), fmt.Sprintf(format, args...))
}

// step applies an event. From Stop on nothing is sent but by Stop itself, nothing is announced, and what is wanted only shrinks.
func (l *leaver) step(ev Event) {
	_, stop := ev.(*Stop)
	for _, a := range l.e.Step(l.now, ev) {
		switch a := a.(type) {
		case *Send:
			if l.stopped != 0 && (!stop || a.Payload[2] != wire.PriorityRelease) {
				l.bad("an advert of priority %d is sent", a.Payload[2])
			}
		case *Announce:
			if l.stopped != 0 {
				l.bad("%v is announced", a.Items)
			}
		case *Notify:
			if a.Event.State == notify.Stop {
				l.stop(a.Event)
			}
		}
	}
	if l.e.Leaving() && l.e.Settled() {
		l.bad("it has settled, and is still leaving")
	}
	for _, o := range slices.Clone(l.e.Dirty()) {
		gen, want := l.e.Desired(o)
		if gen != 0 {
			l.want(o, want)
			l.step(&Applied{host.Applied{Owner: o, Gen: gen, Final: true, Results: results(want)}})
		}
	}
}

func results(want host.State) (out []host.Result) {
	for _, a := range want.Addresses {
		out = append(out, host.Result{Key: a.Key})
	}
	return out
}

// stop: STOP comes once for each, when no address is wanted any more (rule Y1).
func (l *leaver) stop(ev notify.Event) {
	if l.told[ev.Name] {
		l.bad("STOP of %s is told twice", ev.Name)
	}
	l.told[ev.Name] = true
	for _, r := range l.e.routers {
		if _, want := l.e.Desired(r.owner); len(want.Addresses) > 0 && (r.Name() == ev.Name || r.group != nil && r.group.spec.Name == ev.Name) {
			l.bad("STOP of %s is told while %s has %d addresses", ev.Name, r.Name(), len(want.Addresses))
		}
	}
}

func (l *leaver) want(o host.Owner, want host.State) {
	now := map[host.Key]bool{}
	for _, a := range want.Addresses {
		now[a.Key] = true
		if l.stopped != 0 && !l.had[o][a.Key] {
			l.bad("%v is wanted again", a.Key)
		}
	}
	l.had[o] = now
}

func (l *leaver) until(end clock.Instant) {
	for {
		at, ok := l.e.Deadline()
		if !ok || at > end {
			l.now = l.now.Add(max(0, end.Sub(l.now.Mono)))
			return
		}
		l.now = l.now.Add(max(0, at.Sub(l.now.Mono)))
		l.step(&AdvertsDue{})
		l.step(&Wakeup{})
	}
}

// Anything may happen while routers leave: they leave all the same, in time, without a word, and nothing comes back.
func TestLeavesWhateverHappens(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := &leaver{t: t, seed: seed, e: New(epoch), now: epoch, had: map[host.Owner]map[host.Key]bool{}, told: map[string]bool{}}
		cfg := leaverConfig(rng)
		l.step(eth0("192.0.2.1/24"))
		l.step(&Configure{Config: cfg})
		l.until(epoch.Mono.Add(time.Duration(20+rng.IntN(10)) * time.Second))
		within := time.Duration(1000+rng.IntN(5000)) * time.Millisecond
		l.stopped = l.now.Mono
		l.step(&Stop{Within: within})
		limit := l.now.Mono.Add(max(within-time.Second, 0))
		for l.now.Mono < limit {
			if rng.IntN(3) > 0 {
				l.step(l.event(rng, cfg))
			}
			l.until(min(limit, l.now.Mono.Add(time.Duration(rng.IntN(300))*time.Millisecond)))
		}
		if !l.e.Settled() || l.e.Leaving() {
			l.bad("it has not left within %v", within)
		}
		if n := len(cfg.Routers) + len(cfg.Groups); len(l.told) != n {
			l.bad("STOP was told of %d, not %d", len(l.told), n)
		}
		if t.Failed() {
			return
		}
	}
}

func leaverConfig(rng *rand.Rand) *Config {
	cfg := &Config{Restore: true}
	for i := range 1 + rng.IntN(4) {
		s := spec(fmt.Sprintf("R%d", i), uint8(i+1), [...]uint8{100, 200, 255}[rng.IntN(3)])
		s.Interval = time.Duration(1+rng.IntN(4)) * time.Second
		s.Addresses = nil
		for k := range rng.IntN(4) {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), byte(k)}), 32)
			s.Addresses = append(s.Addresses, Address{Address: host.Address{Key: host.Key{Link: "eth0", Prefix: p}}})
		}
		cfg.Routers = append(cfg.Routers, s)
	}
	if len(cfg.Routers) > 2 && rng.IntN(2) == 0 {
		cfg.Groups = []GroupSpec{{Name: "G", Members: []string{"R0", "R1"}}}
	}
	return cfg
}

func (l *leaver) event(rng *rand.Rand, cfg *Config) Event {
	addr := netip.AddrFrom4([4]byte{10, 0, byte(rng.IntN(4)), byte(rng.IntN(4))})
	switch rng.IntN(11) {
	case 0, 9, 10:
		return &Claimed{[]Claim{{Index: 2 + rng.IntN(9)/8, MAC: [6]byte{2, 0, 0, 0, 0, byte(1 + rng.IntN(8))}, Addr: addr}}}
	case 1:
		return &Lost{host.Lost{Owner: host.Owner(rng.IntN(6)), Key: host.Key{Link: "eth0", Prefix: netip.PrefixFrom(addr, 32)}}}
	case 2:
		up := eth0("192.0.2.1/24")
		up.Link.Running = rng.IntN(4) > 0
		return up
	case 3:
		return &Configure{Config: leaverConfig(rng)}
	case 4:
		return &Stop{Within: time.Duration(rng.IntN(10)) * time.Second, Keep: rng.IntN(2) == 0}
	case 5:
		return &Applied{host.Applied{Owner: host.Owner(rng.IntN(6)), Gen: uint64(rng.IntN(9)), Final: true}}
	case 6:
		return &Overflow{Port: PortID{Link: "eth0"}, Packets: 1}
	}
	s := cfg.Routers[rng.IntN(len(cfg.Routers))]
	rx := &Received{Port: s.Port(), Src: netip.MustParseAddr("192.0.2.2"), Dst: s.Group, TTL: 255}
	tm, err := wire.NewTemplate(s.params())
	if err != nil {
		l.t.Fatal(err)
	}
	rx.Payload, _ = tm.Append(nil, [...]uint8{0, 1, 100, 255}[rng.IntN(4)], rx.Src, rx.Dst)
	return rx
}

// A claim of many addresses in one event changes what is wanted once, and rounds that repeat it change nothing.
func TestClaimsOfManyAddresses(t *testing.T) {
	s := spec("VI_1", 51, 200)
	s.Addresses = nil
	var claims []Claim
	for i := range 1000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		s.Addresses = append(s.Addresses, Address{Excluded: i > 0, Address: host.Address{Key: host.Key{Link: "eth0", Prefix: netip.PrefixFrom(a, 32)}}})
		claims = append(claims, Claim{Index: 2, MAC: [6]byte{2, 0, 0, 0, 0, 9}, Addr: a})
	}
	e := New(epoch)
	e.Step(epoch, eth0("192.0.2.1/24"))
	e.Step(epoch, &Configure{Config: &Config{Routers: []Spec{s}}})
	now := run(e, epoch, epoch.Add(5*time.Second), func(clock.Now, Action) {})
	e.Step(now, &Stop{Within: 5 * time.Second})
	e.Dirty()
	e.Step(now, &Claimed{claims[:999]})
	if n := len(e.Dirty()); n != 1 {
		t.Errorf("%d owners have changed, want 1", n)
	}
	gen, want := e.Desired(1)
	if len(want.Addresses) != 1 {
		t.Errorf("%d addresses are wanted, want 1", len(want.Addresses))
	}
	e.Step(now, &Claimed{claims[:999]})
	if again, _ := e.Desired(1); again != gen || len(e.Dirty()) != 0 {
		t.Error("a repeated claim changes something")
	}
	if n := testing.AllocsPerRun(10, func() { e.Step(now, &Claimed{claims[:999]}) }); n != 0 {
		t.Errorf("%v allocations for a repeated claim", n)
	}
}

// script runs lines of the language of scenarios.
func script(t *testing.T, text string) *world {
	w := newWorld(t)
	for line := range strings.Lines(text) {
		w.line(strings.TrimSpace(line))
	}
	return w
}

const contest = `router VI_1 prio=200 int=10s v=3 addr=192.0.2.100/32,192.0.2.101/32
	link eth0 192.0.2.1/24
	start
	run 33s
	` + takenAway

// takenAway is too often within a minute.
const takenAway = `lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 6s
	lost VI_1 192.0.2.100/32
	run 5s
	lost VI_1 192.0.2.100/32
	`

// An advert that both the hand-over and the election of a router hear counts once.
func TestLeavingBackupHearsOnce(t *testing.T) {
	w := script(t, contest+"advert from 192.0.2.2 prio 250 int=10s")
	r := w.e.routers[0]
	if r.state != Backup || r.leave == nil || !r.leave.heir.IsValid() {
		t.Fatalf("it is %v, hand-over %+v", r.state, r.leave)
	}
	if r.stats.Received != 1 {
		t.Errorf("%d adverts were received, want 1", r.stats.Received)
	}
}

// DELETED is told in terms of the configuration that knew the router, however late.
func TestDeletedBelongsToTheOldConfiguration(t *testing.T) {
	for _, prio := range []string{"200", "100"} { // with a hand-over, and without
		w := newWorld(t)
		w.line("router A vrid=1 addr=192.0.2.101/32 prio=" + prio)
		w.line("router B vrid=2 prio=200 addr=192.0.2.102/32")
		w.line("link eth0 192.0.2.1/24")
		w.e = New(w.now)
		w.e.SetGeneration(7)
		w.step(&LinkChanged{w.links["eth0"]})
		w.step(&Configure{Config: w.config()})
		w.line("at 3.3s drop A")
		w.e.SetGeneration(8)
		w.notified = nil
		w.line("reload")
		if w.e.Parting() != (prio == "200") {
			t.Errorf("priority %s: parting %v", prio, w.e.Parting())
		}
		w.line("run 3s")
		if w.e.Parting() {
			t.Errorf("priority %s: still parting", prio)
		}
		if len(w.notified) != 1 || w.notified[0].State != notify.Deleted || w.notified[0].Gen != 7 {
			t.Errorf("priority %s: told %+v", prio, w.notified)
		}
	}
}
