package sim

import (
	"net/netip"
	"time"

	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// What is a kind of fault.
type What uint8

// The kinds. Those of the LAN first, then processes and machines, operators, kernels, trackers, forgers.
const (
	_ What = iota
	Loss
	Burst // everything is lost
	Slow
	Duplicate
	CutOne
	Isolate
	Partition
	Pause
	Starve
	Halve
	Suspend
	Freeze
	StepClock
	CrashRole
	Kill
	PowerOff
	Restart
	ReloadSame
	ReloadOther
	ReloadBroken
	ReloadCut
	Flap
	Carrier
	Unplug
	Delete
	Fight
	LoseSource
	Refuse
	LoseAnswers
	Overrun
	HoldEvents
	Unreadable
	SlowKernel
	Tracker
	Forge
	Garbage
	DeleteEntry
	Unmake
	WrongKey
	ResetConns
	ForgetConns
	HalfOpen
	Stall
	SlowDials
	CrashCarrier
	StopCarrier
	OtherVersion
	Disguise
	Reject
	whats
)

// faultKind is what is known of a kind of fault.
type faultKind struct {
	name  string
	begin func(w *World, f *Fault, n *Node) (end func())
	lan   bool // it needs no node
}

var kinds [whats]faultKind

// gentle faults leave files, links and addresses alone, so that every timer runs as the RFC says.
var gentle = map[What]bool{
	Loss: true, Burst: true, Slow: true, CutOne: true, Isolate: true, Kill: true, Restart: true, ReloadSame: true, ReloadBroken: true,
	Pause: true, Duplicate: true,
}

func init() {
	kinds = [whats]faultKind{
		Loss:         {"loss", loss, true},
		Burst:        {"all lost", burst, true},
		Slow:         {"slow lan", slow, true},
		Duplicate:    {"duplicates", duplicate, true},
		CutOne:       {"one-way cut", cutOne, true},
		Isolate:      {"isolated", isolate, true},
		Partition:    {"partition", partition, true},
		Pause:        {"stopped", pause, false},
		Starve:       {"starved", starve, false},
		Halve:        {"slow rounds", halve, false},
		Suspend:      {"suspended", suspend, false},
		Freeze:       {"frozen vm", freeze, false},
		StepClock:    {"clock step", stepClock, false},
		CrashRole:    {"role crash", crashRole, false},
		Kill:         {"kill -9", kill, false},
		PowerOff:     {"power off", powerOff, false},
		Restart:      {"restart", restart, false},
		ReloadSame:   {"reload same", reloadSame, false},
		ReloadOther:  {"reload other", reloadOther, false},
		ReloadBroken: {"reload broken", reloadBroken, false},
		ReloadCut:    {"reload cut file", reloadCut, false},
		Flap:         {"link down", flap, false},
		Carrier:      {"no carrier", carrier, false},
		Unplug:       {"link deleted", unplug, false},
		Delete:       {"address deleted", deleteOne, false},
		Fight:        {"addresses fought for", fight, false},
		LoseSource:   {"own address gone", loseSource, false},
		Refuse:       {"kernel refuses", refuse, false},
		LoseAnswers:  {"answers lost", loseAnswers, false},
		Overrun:      {"netlink overrun", overrun, false},
		HoldEvents:   {"netlink late", holdEvents, false},
		Unreadable:   {"netlink unreadable", unreadable, false},
		SlowKernel:   {"kernel slow", slowKernel, false},
		Tracker:      {"script fails", tracker, false},
		Forge:        {"forged advert", forge, true},
		Garbage:      {"garbage", garbage, true},
		DeleteEntry:  {"route or rule deleted", deleteEntry, false},
		Unmake:       {"virtual link meddled with", unmake, false},
		WrongKey:     {"wrong password", wrongKey, false},
		ResetConns:   {"connections reset", resetConns, false},
		ForgetConns:  {"connections forgotten", forgetConns, false},
		HalfOpen:     {"half-open", halfOpen, false},
		Stall:        {"connections stall", stall, false},
		SlowDials:    {"dials overtaken", slowDials, true},
		CrashCarrier: {"carrier crash", crashCarrier, false},
		StopCarrier:  {"carrier stopped", stopCarrier, false},
		OtherVersion: {"other version", otherVersion, false},
		Disguise:     {"source translated", disguise, false},
		Reject:       {"dials rejected", reject, false},
	}
}

// commonWhats ends the faults that every kind of world has. Those of Rich come next, and those of what is carried.
const (
	commonWhats = DeleteEntry
	richWhats   = ResetConns
)

func (k What) String() string { return kinds[k].name }

// begin lets a fault begin, and end when its time has come or all faults end.
func (w *World) begin(f *Fault) {
	k := &kinds[f.What]
	n, _ := w.nodes[f.Node].(*Node)
	if n == nil && !k.lan {
		return // a router of another make has no such troubles
	}
	w.Cover.note(w, f, n)
	name := "-"
	if n != nil && !k.lan {
		if name = n.name; !harmless[f.What] {
			n.disturbed()
		}
	}
	w.Log.line(w, name, "FAULT", "#%d %s begins on %s, for %v", f.ID, f.What, w.Plan.Shape.Nodes[f.Node].Name, f.For)
	w.seen.note(f)
	if w.Saboteur != nil && w.Saboteur(f) {
		w.fail("saboteur", "%s on %s", f.What, name)
		return
	}
	end := k.begin(w, f, n)
	if end == nil {
		return
	}
	over := false
	stop := func() {
		if over {
			return
		}
		over = true
		w.Log.line(w, name, "FAULT", "#%d %s ends", f.ID, f.What)
		if n != nil && !k.lan && !harmless[f.What] {
			n.disturbed()
		}
		end()
	}
	w.ends = append(w.ends, stop)
	w.later(f.For, stop)
}

func loss(w *World, f *Fault, _ *Node) func() {
	was := w.lan.loss
	w.lan.loss = int(10 + f.A%50)
	return func() { w.lan.loss = was }
}

func burst(w *World, f *Fault, _ *Node) func() {
	was := w.lan.loss
	w.lan.loss = 100
	return func() { w.lan.loss = was }
}

func slow(w *World, f *Fault, _ *Node) func() {
	w.lan.slow = []time.Duration{5 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second}[f.A%3]
	w.slowest = max(w.slowest, w.lan.slow)
	return func() { w.lan.slow = 0 }
}

func duplicate(w *World, f *Fault, _ *Node) func() {
	w.lan.twice = 50
	return func() { w.lan.twice = 0 }
}

// links says which wires are cut.
func (f *Fault) links() []int {
	switch f.A % 3 {
	case 0:
		return []int{0}
	case 1:
		return []int{1}
	}
	return []int{0, 1}
}

func (w *World) setCut(f *Fault, on bool, apart func(a, b int) bool) {
	for _, l := range f.links() {
		for a := range len(w.nodes) {
			for b := range len(w.nodes) {
				if apart(a, b) {
					w.lan.cut[l][a][b] = on
				}
			}
		}
	}
}

func (w *World) cut(f *Fault, apart func(a, b int) bool) func() {
	w.setCut(f, true, apart)
	return func() { w.setCut(f, false, apart) }
}

func cutOne(w *World, f *Fault, _ *Node) func() {
	to := int(f.B % uint64(len(w.nodes)))
	return w.cut(f, func(a, b int) bool { return a == f.Node && b == to })
}

func isolate(w *World, f *Fault, _ *Node) func() {
	return w.cut(f, func(a, b int) bool { return a == f.Node || b == f.Node })
}

func partition(w *World, f *Fault, _ *Node) func() {
	side := func(n int) uint64 { return f.B >> n & 1 }
	return w.cut(f, func(a, b int) bool { return side(a) != side(b) })
}

func pause(w *World, f *Fault, n *Node) func() {
	n.paused = max(n.paused, w.now.Add(f.For))
	return func() { n.paused = min(n.paused, w.now) }
}

func starve(_ *World, f *Fault, n *Node) func() {
	n.starve = []time.Duration{5 * time.Millisecond, 100 * time.Millisecond, time.Second, 3 * time.Second}[f.A%4]
	return func() { n.starve = 0 }
}

func halve(_ *World, f *Fault, n *Node) func() {
	n.halved = []time.Duration{time.Millisecond, 50 * time.Millisecond, time.Second}[f.A%3]
	return func() { n.halved = 0 }
}

// sleeps lets a machine sleep; clocks says what its clocks have missed when it wakes.
func sleeps(w *World, f *Fault, n *Node, stood func(c *clocks, d time.Duration)) func() {
	if n.asleep > w.now {
		return nil
	}
	from, k := w.now, n.kernel
	n.asleep, n.deaf = w.now.Add(f.For), true
	return func() {
		if n.kernel != k {
			return // it lost its power meanwhile
		}
		stood(&n.clocks, w.now.Sub(from))
		if w.signed() {
			n.synchronise() // as guests' agents do
		}
		n.asleep, n.deaf = min(n.asleep, w.now), false
		n.carriage.woke = w.now
		if n.waits {
			n.waits = false
			n.boot()
		}
	}
}

func suspend(w *World, f *Fault, n *Node) func() { return sleeps(w, f, n, (*clocks).sleep) }
func freeze(w *World, f *Fault, n *Node) func()  { return sleeps(w, f, n, (*clocks).freeze) }

func stepClock(w *World, f *Fault, n *Node) func() {
	if w.signed() {
		return nil // without clocks that agree nobody believes anybody
	}
	n.clocks.wall += int64(f.A%7_200_000_000_000) - 3_600_000_000_000
	return nil
}

// crashRole ends the process of the elections; the supervisor starts another, which knows what the first had last said.
func crashRole(_ *World, f *Fault, n *Node) func() {
	if !n.alive || n.config == nil || n.halting {
		return nil
	}
	resume := n.remember()
	n.die()
	n.resume = resume
	n.later(time.Duration(f.A%uint64(1500*time.Millisecond)), n.boot)
	return nil
}

// kill ends the daemon; the service manager starts it anew.
func kill(_ *World, f *Fault, n *Node) func() {
	n.die()
	n.carriage.end()
	if f.A&1 == 0 {
		n.sweep() // its unit has ExecStopPost=
		n.poke()
	}
	return n.backIn(f)
}

// backIn starts the process when the fault ends, if nothing else has done so.
func (n *Node) backIn(f *Fault) func() {
	return func() {
		if !n.alive {
			n.sweep()
			n.boot()
		}
	}
}

// powerOff takes everything from the machine: nothing is left when it is back.
func powerOff(_ *World, f *Fault, n *Node) func() {
	n.die()
	n.carriage.powerOff()
	for i := range n.nics {
		n.nics[i].up = false
	}
	n.off, n.resume = true, nil
	return func() {
		if n.off {
			n.off = false
			n.newMachine()
		}
		if !n.alive {
			n.held = nil
			n.boot()
		}
	}
}

func restart(_ *World, f *Fault, n *Node) func() {
	n.stop()
	return n.backIn(f)
}

// disturbed notes that the node's timers may not be what they should be.
func (n *Node) disturbed() { n.trouble = n.clocks.now(n.w.now).Mono }

// forge sends an advert that no router of this world has sent.
func forge(w *World, f *Fault, _ *Node) func() {
	file := &w.Plan.Shape.Nodes[f.Node].File
	r := &file.routers[f.A%uint64(len(file.routers))]
	priority := []uint8{0, 1, 100, 150, 254, 255}[f.B%6]
	src := hostAddr(r.link, r.ipv6, int(20+f.B%200))
	if f.B>>8&1 == 0 {
		src = hostAddr(r.link, r.ipv6, f.Node)
	}
	p := wire.Params{Version: r.version, IPv6: r.ipv6, VRID: r.vrid, Interval: time.Duration(1+f.B>>16%3) * time.Second, Sum: wire.DefaultForm(r.version, r.ipv6)}
	if r.ipv6 {
		p.Sum = wire.FormPseudo
	}
	if r.header {
		p.AuthType = wire.AuthAH
	} else if r.password != "" {
		p.AuthType = wire.AuthPass
		copy(p.Password[:], r.password)
	}
	if r.signing.with == "" && !r.header {
		w.seen.interval = max(w.seen.interval, p.Interval)
	} else if r.signing.with != "" && f.B>>33&1 == 0 {
		w.replay(f)
	}
	t, err := wire.NewTemplate(p)
	if err != nil {
		w.fail("forge", "%v", err)
		return nil
	}
	dst := groupOf(r.ipv6)
	for i := range 1 + int(f.B>>24%4) {
		w.later(time.Duration(i)*f.For/4, func() {
			payload, _ := t.Append(nil, priority, src, dst)
			k := packet{link: linkOf(r.link), from: -1, src: src, dst: dst, ttl: 255, payload: payload, forged: true}
			switch {
			case r.signing.with != "":
				k.payload = r.signing.counterfeit(w, f, payload, src)
			case r.header && f.B>>32&1 == 0:
				k.ah, k.payload = true, counterfeitAH(w, payload, src, dst)
			}
			w.put(&k)
		})
	}
	return nil
}

func groupOf(ipv6 bool) netip.Addr {
	if ipv6 {
		return wire.Group6()
	}
	return wire.Group4()
}

// garbage sends bytes.
func garbage(w *World, f *Fault, _ *Node) func() {
	d := dice{newSource(f.A, f.B)}
	for range 1 + d.IntN(100) {
		ipv6 := d.chance(30)
		b := make([]byte, d.IntN(60))
		for i := range b {
			b[i] = byte(d.IntN(256))
		}
		if len(b) > 2 && d.chance(80) {
			b[0], b[1] = pick[byte](d, 0x21, 0x31), byte(51+d.IntN(3))
		}
		src := hostAddr("eth0", ipv6, d.IntN(30))
		k := packet{link: uint8(d.IntN(2)), from: -1, src: src, dst: groupOf(ipv6), ttl: pick(d, 255, 255, 254), payload: b, forged: true}
		k.ah = w.Plan.Shape.Kind == Rich && !ipv6 && d.chance(50)
		w.put(&k)
	}
	return nil
}

// remember is what the status page says of the routers when the process dies.
func (n *Node) remember() (out []vrrp.Resume) {
	var st vrrp.Status
	for _, r := range n.driver.Engine.Routers() {
		r.Status(&st)
		n.record.Set(&st)
		out = append(out, n.record.Resume())
	}
	return out
}
