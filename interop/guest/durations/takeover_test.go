package durations

import (
	"fmt"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

const ms = time.Millisecond

// cases are virtual routers that differ in what their timers depend on. Priorities are those of the backup.
var cases = []lab.Router{
	{VRID: 1, Version: 2, Priority: 253, Interval: time.Second},
	{VRID: 2, Version: 2, Priority: 100, Interval: time.Second},
	{VRID: 3, Version: 2, Priority: 1, Interval: time.Second},
	{VRID: 4, Version: 2, Priority: 150, Interval: 2 * time.Second},
	{VRID: 5, Version: 3, Priority: 253, Interval: time.Second},
	{VRID: 6, Version: 3, Priority: 100, Interval: time.Second},
	{VRID: 7, Version: 3, Priority: 1, Interval: time.Second},
	{VRID: 8, Version: 3, Priority: 100, Interval: 100 * ms},
	{VRID: 9, Version: 3, Priority: 200, Interval: 10 * ms},
	{VRID: 10, Version: 3, Priority: 1, Interval: 10 * ms},
	{VRID: 11, Version: 3, Priority: 77, Interval: 100 * ms, VIPs: []string{"fe80::100/64"}},
	{VRID: 12, Version: 3, Priority: 60, Interval: 100 * ms, Peers: []string{"the other"}},
}

// pair makes the configurations of router 1, a master at priority 254, and of router 2, its backup.
func pair(cases []lab.Router) (master, backup lab.File) {
	for _, c := range cases {
		c.Name = fmt.Sprintf("VI_%d", c.VRID)
		if c.VIPs == nil {
			c.VIPs = []string{fmt.Sprintf("10.0.0.%d/32", 100+int(c.VRID))}
		}
		m := c
		m.Priority = 254
		if c.Peers != nil {
			m.Src, m.Peers = "10.0.0.1", []string{"10.0.0.2"}
			c.Src, c.Peers = "10.0.0.2", []string{"10.0.0.1"}
		}
		master.Routers = append(master.Routers, m)
		backup.Routers = append(backup.Routers, c)
	}
	return master, backup
}

// elected starts a daemon on two routers and waits until the first is master of everything and the second has heard it.
func elected(w *world, p program, master, backup lab.File) {
	w.routers[0].start(p, master)
	time.Sleep(master.Settled() + time.Second)
	w.routers[1].start(p, backup)
	time.Sleep(backup.Settled() + time.Second)
}

func is6(r lab.Router) bool { return r.VR().VIPs[0].Is6() }

func name(r lab.Router) string {
	text := fmt.Sprintf("VRRPv%d", r.Version)
	if is6(r) {
		text += ", IPv6"
	}
	if len(r.Peers) > 0 {
		text += ", unicast"
	}
	return fmt.Sprintf("%s, %v, priority %d", text, r.Interval, r.Priority)
}

// both runs a scenario with our daemon, and with the reference for comparison.
func both(t *testing.T, f func(t *testing.T, p program)) {
	for _, p := range []program{ours, reference} {
		if p == reference && !*compare {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			p.need(t)
			f(t, p)
		})
	}
}

// RFC 9568 section 6.1, Active_Down_Interval; rules B1, B2.
func TestTakeOverFromASilentMaster(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		w := newWorld(t, 2)
		master, backup := pair(cases)
		elected(w, p, master, backup)
		w.routers[0].freeze()
		time.Sleep(backup.Settled())
		for _, c := range backup.Routers {
			all := w.adverts(c)
			last, ok1 := all.of(w.routers[0]).last()
			first, ok2 := all.of(w.routers[1]).first()
			if !ok1 || !ok2 {
				t.Errorf("%s: %d adverts of router 1, %d of router 2", name(c), len(all.of(w.routers[0])), len(all.of(w.routers[1])))
				continue
			}
			judge(t, p, name(c), first.at.Sub(last.at), c.Down())
		}
	})
}

// RFC 9568 section 6.4.2, priority 0; rule B6.
func TestTakeOverFromAMasterThatLeaves(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		w := newWorld(t, 2)
		master, backup := pair(cases)
		elected(w, p, master, backup)
		w.routers[0].stop()
		time.Sleep(backup.Settled())
		for _, c := range backup.Routers {
			all := w.adverts(c)
			zero, ok1 := all.of(w.routers[0]).last()
			first, ok2 := all.of(w.routers[1]).first()
			if !ok1 || !ok2 || zero.Priority != 0 {
				t.Errorf("%s: router 1 left with priority %d; %d adverts of router 2", name(c), zero.Priority, len(all.of(w.routers[1])))
				continue
			}
			judge(t, p, name(c), first.at.Sub(zero.at), c.Skew(c.Priority))
		}
	})
}

// The better of two backups takes over, and the other never starts to.
func TestTakeOverAmongThree(t *testing.T) {
	w := newWorld(t, 3)
	master, better := pair([]lab.Router{
		{VRID: 1, Version: 2, Priority: 101, Interval: time.Second},
		{VRID: 2, Version: 3, Priority: 101, Interval: time.Second},
		{VRID: 3, Version: 3, Priority: 150, Interval: 100 * ms},
		{VRID: 4, Version: 3, Priority: 200, Interval: 10 * ms},
	})
	worse := lab.File{}
	for _, c := range better.Routers {
		// The least difference that leaves a packet's way: 3.9 ms of skew at 1 s, and as much at 10 ms.
		c.Priority -= int(time.Second / c.Interval)
		worse.Routers = append(worse.Routers, c)
	}
	w.routers[2].start(ours, worse)
	elected(w, ours, master, better)
	w.routers[0].freeze()
	frozen := time.Now()
	time.Sleep(worse.Settled() + time.Second)
	for _, c := range better.Routers {
		all := w.adverts(c).since(frozen)
		last, ok1 := w.adverts(c).of(w.routers[0]).last()
		first, ok2 := all.of(w.routers[1]).first()
		if !ok1 || !ok2 {
			t.Errorf("%s: router 2 did not take over", name(c))
			continue
		}
		judge(t, ours, name(c), first.at.Sub(last.at), c.Down())
		if n := len(all.of(w.routers[2])); n > 0 {
			t.Errorf("%s: the worse of the two backups advertised %d times", name(c), n)
		}
	}
}

// Rule B3: version 3 waits as long as the master's interval demands, not its own.
func TestTakeOverAtALearnedInterval(t *testing.T) {
	w := newWorld(t, 2)
	master, backup := pair([]lab.Router{
		{VRID: 1, Version: 3, Priority: 100, Interval: time.Second},
		{VRID: 2, Version: 3, Priority: 30, Interval: 100 * ms},
	})
	master.Routers[0].Interval, master.Routers[1].Interval = 2*time.Second, 10*ms
	elected(w, ours, master, backup)
	time.Sleep(4 * time.Second)
	w.routers[0].freeze()
	time.Sleep(12 * time.Second)
	for i, c := range backup.Routers {
		all := w.adverts(c)
		last, _ := all.of(w.routers[0]).last()
		after := all.of(w.routers[1])
		if len(after) < 2 {
			t.Errorf("%s: router 2 sent %d adverts", name(c), len(after))
			continue
		}
		learned := c
		learned.Interval = master.Routers[i].Interval
		judge(t, ours, name(c)+" after "+learned.Interval.String(), after[0].at.Sub(last.at), learned.Down())
		judgeGap(t, ours, name(c)+", the next advert, at its own interval", after[1].at.Sub(after[0].at), c.Interval)
	}
}

// Everything that a host was master of moves at once. What is due is the same for all, and they share one processor; so the
// last may be later than one alone. Nobody may be early. The master is ours in any case: what is compared is the backup.
func TestTakeOverOfManyAtOnce(t *testing.T) {
	const n, most = 100, 25 * ms
	both(t, func(t *testing.T, p program) {
		w := newWorld(t, 2)
		var all []lab.Router
		for i := range n {
			all = append(all, lab.Router{VRID: uint8(i + 1), Version: 3, Priority: 100, Interval: time.Second})
		}
		master, backup := pair(all)
		w.routers[0].start(ours, master)
		time.Sleep(master.Settled() + time.Second)
		w.routers[1].start(p, backup)
		time.Sleep(backup.Settled() + time.Second)
		w.routers[0].freeze()
		time.Sleep(backup.Settled())
		var off []time.Duration
		for _, c := range backup.Routers {
			all := w.adverts(c)
			last, ok1 := all.of(w.routers[0]).last()
			first, ok2 := all.of(w.routers[1]).first()
			if !ok1 || !ok2 {
				t.Fatalf("%s: nobody took over", name(c))
			}
			off = append(off, first.at.Sub(last.at)-c.Down())
		}
		s := spreadOf(off)
		t.Logf("%s: %d take-overs at once: off by %v", p.name, n, s)
		if p == ours && (s.least < 0 || s.most > most) {
			t.Errorf("%d take-overs at once: off by %v, where 0 to %v is allowed", n, s, most)
		}
	})
}
