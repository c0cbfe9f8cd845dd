package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
	"holdfast.dev/node"
	"holdfast.dev/notify"
	"holdfast.dev/status"
	"holdfast.dev/track"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
	"holdfast.dev/vrrp"
)

// Node is a machine on which holdfast runs, or did, or will. What is in the first part survives the process.
type Node struct {
	w       *World
	id      int
	name    string
	base    string // the configuration file that it should have
	file    file   // the same, before it was written
	text    string // the file that was loaded last
	ran     string // the one that was in force last
	clocks  clocks
	kernel  *hosttest.Kernel
	nics    [2]nic
	virtual []string        // the virtual links that any of its files had
	names   []string        // of all links that addresses of ours may stand on
	down    map[string]bool // scripts that would fail now
	lost    map[host.Key]bool
	held    []host.Key    // what the process that died last had in the kernel: its state file
	asleep  clock.Instant // the machine is suspended until then
	deaf    bool          // its network card takes nothing meanwhile
	waits   bool          // the process is to be started when it wakes
	off     bool          // it has no power
	record  status.Record

	alive     bool
	life      int32 // counts processes
	driver    *node.Recorder
	recording *Recording // nil if nobody wants to know
	rec       *host.Reconciler
	since     clock.Now // when the process started
	config    *vrrp.Config
	gen       uint64
	committed clock.Instant // the configuration came into force
	resume    []vrrp.Resume
	starts    *vrrp.Config  // waits until the links are known
	follows   *vrrp.Config  // a reload that waits for that; nil for none
	halting   bool          // it was told to stop
	stopping  bool          // and has heard it
	delay     time.Duration // of the start-up, as it is in force

	loop
	writer
	watched

	carriage *carriage
}

// nic is a network interface as it really is.
type nic struct {
	name   string
	index  int
	there  bool
	up     bool // and has its carrier
	own    netip.Prefix
	own6   netip.Addr
	ready6 bool // own6 is there and not tentative
}

func newNode(w *World, id int, s *NodeShape) *Node {
	n := &Node{w: w, id: id, name: s.Name, file: s.File, base: s.File.String(), down: map[string]bool{}}
	n.text, n.names = n.base, []string{"eth0", "eth1"}
	n.clocks.rate = int64(s.Rate)
	n.carriage = &carriage{w: w, n: n, speaks: wire.Version}
	n.newMachine()
	return n
}

// newMachine is a machine that was just switched on.
func (n *Node) newMachine() {
	uptime := int64(20*time.Second) + int64(n.id)*int64(time.Second)
	n.clocks = clocks{mono: uptime - int64(n.w.now), boot: uptime - int64(n.w.now), rate: n.clocks.rate}
	n.synchronise()
	n.kernel = &hosttest.Kernel{}
	n.asleep, n.deaf, n.waits = 0, false, false
	n.lost, n.seq, n.lastTold = map[host.Key]bool{}, 0, nil
	n.nics = [2]nic{{name: "eth0"}, {name: "eth1"}}
	for i := range n.nics {
		c := &n.nics[i]
		c.own = netip.PrefixFrom(hostAddr(c.name, false, n.id), 24)
		c.own6 = hostAddr(c.name, true, n.id)
		n.kernel.Number(index(c.name, n.id))
		n.plug(i)
		n.settleDAD(i)
	}
	n.kernel.QueueLimit = 200
}

// plug makes a network interface and gives it its own address. Its IPv6 address is tentative at first; that of one that was made again
// comes late.
func (n *Node) plug(i int) {
	c := &n.nics[i]
	if c.index = n.kernel.AddLink(c.name, false); c.index == index(c.name, n.id) {
		n.kernel.SetAuto(c.name)
	}
	n.kernel.AddAddr(c.name, c.own.String())
	n.kernel.SetUp(c.name, true)
	c.there, c.up, c.ready6 = true, true, false
}

// settleDAD ends the detection of duplicates on a link.
func (n *Node) settleDAD(i int) {
	c := &n.nics[i]
	n.kernel.EndDAD(c.name, false)
	n.kernel.AddAddr(c.name, c.own6.String()+"/64") // which is refused if it is there
	c.ready6 = true
}

// wake is when the election thread runs next.
func (n *Node) wake() clock.Instant {
	if !n.alive || n.next == 0 {
		return 0
	}
	return max(n.next, n.paused, n.asleep)
}

// later has f called after d, unless the process has ended by then.
func (n *Node) later(d time.Duration, f func()) {
	life := n.life
	n.w.later(d, func() {
		if n.life == life {
			f()
		}
	})
}

// boot starts the process with the file that is there.
func (n *Node) boot() {
	if n.alive || n.off {
		return
	}
	if n.deaf {
		n.waits = true // for the machine to wake
		return
	}
	c, err := n.w.load(n.text)
	if err != nil {
		n.w.fail("start", "%s does not start: %v", n.name, err)
		return
	}
	n.sweepOthers(c)
	n.delay = c.StartupDelay
	if len(n.resume) > 0 { // the daemon has started long ago
		n.delay = 0
		again := *c
		again.StartupDelay = 0
		c = &again
	}
	n.life++
	n.alive, n.halting, n.stopping = true, false, false
	n.carriage.begin()
	n.since = n.clocks.now(n.w.now)
	n.driver, n.recording = node.NewRecorder(n.since, n), nil
	n.recordMore()
	n.rec = host.New(host.ProtoMark)
	n.loop, n.writer, n.config = loop{}, writer{}, nil
	n.gen++
	clear(n.lost)
	n.kernel.LoseEvents() // whatever was told before was told to nobody
	n.starts, n.follows = c, nil
	n.note(c)
	n.openPorts(c)
	n.w.checks.booted(n)
	n.w.Log.line(n.w, n.name, "start", "process %d, remembers %d routers", n.life, len(n.resume))
	n.kick()
}

// die ends the process as kill -9 does. What it had in the kernel stays there.
func (n *Node) die() {
	if !n.alive {
		return
	}
	n.keepRecording()
	n.held = append(n.rec.Held(), n.virtualHeld()...)
	n.resume = nil
	n.alive, n.next = false, 0
	n.life++
	n.dropPackets()
	n.w.checks.died(n)
	n.w.Log.line(n.w, n.name, "end", "the process is gone, it held %v", n.held)
}

// sweep removes what the process before left in the kernel, as holdfast sweep does.
func (n *Node) sweep() {
	for _, k := range n.held {
		n.sweepOne(k)
	}
	n.held = nil
	n.kernel.DropWall()
}

// sweepOthers removes what the process before held and the new one does not know of: its file may have changed meanwhile.
func (n *Node) sweepOthers(c *vrrp.Config) {
	known := map[host.Key]bool{}
	for i := range c.Static {
		known[c.Static[i].Key] = true
	}
	for i := range c.Routers {
		knowItems(&c.Routers[i], known)
	}
	for _, k := range n.held {
		if !known[k] {
			n.sweepOne(k)
		}
	}
	n.held = nil
	if c.Wall == (host.Wall{}) {
		n.kernel.DropWall()
	}
}

// stop ends the process as systemctl stop does.
func (n *Node) stop() {
	if !n.alive || n.halting {
		return
	}
	if n.config == nil { // it has not even begun
		n.die()
		n.carriage.end()
		return
	}
	n.halting = true
	within := pick(n.w.net, 0, time.Second, 5*time.Second)
	n.w.Log.line(n.w, n.name, "stop", "within %v", within)
	n.post(input{ev: &vrrp.Stop{Within: within}})
	n.later(within*3/4+50*time.Millisecond, n.stopped) // the supervisor waits no longer; what is left is swept
}

// stopped ends the process after it has handed over.
func (n *Node) stopped() {
	n.die()
	n.carriage.leave()
	n.sweep()
	n.poke()
}

// reload gives the process the text as its file. What is refused changes nothing.
func (n *Node) reload(text string) {
	if !n.alive || n.halting {
		n.text = n.base
		return
	}
	c, err := n.w.load(text)
	if err != nil {
		n.w.Log.line(n.w, n.name, "reload", "refused")
		return
	}
	n.text = text
	if n.starts != nil {
		n.follows = c // the role is still about the first
		return
	}
	for _, name := range scriptsOf(c) {
		if n.config != nil && !n.knows(name) {
			n.post(input{ev: &vrrp.Tracked{State: track.State{Source: name, Reload: true}}})
		}
	}
	again := *c // the daemon has read it anew
	again.Routers = slices.Clone(c.Routers)
	n.post(input{config: &again})
	n.runScripts(c)
}

func scriptsOf(c *vrrp.Config) (names []string) {
	seen := map[string]bool{}
	for i := range c.Routers {
		for _, b := range c.Routers[i].Trackers {
			if !seen[b.Source] {
				seen[b.Source] = true
				names = append(names, b.Source)
			}
		}
	}
	return names
}

func (n *Node) knows(script string) bool { return slices.Contains(scriptsOf(n.config), script) }

// runScripts lets the scripts of a configuration have their next result within a second.
func (n *Node) runScripts(c *vrrp.Config) {
	for _, name := range scriptsOf(c) {
		n.later(n.w.net.upTo(time.Second), func() { n.result(name) })
	}
}

// result tells what a script says now.
func (n *Node) result(name string) {
	st := track.State{Source: name, Status: track.Up}
	if n.down[name] {
		st.Status, st.Reason = track.Down, "exited with status 1"
	}
	n.post(input{ev: &vrrp.Tracked{State: st}})
}

// commit makes a configuration the one in force.
func (n *Node) commit(now clock.Now, c *vrrp.Config) {
	old := n.config
	n.committed = n.w.now
	n.gen++
	if old != nil && n.delayed() {
		n.sweepOthers(c)
		n.delay = c.StartupDelay
	}
	n.note(c)
	n.openPorts(c)
	n.w.checks.before(n, old, c)
	n.driver.SetGeneration(n.gen)
	ev := &vrrp.Configure{Config: c, Resume: n.resume}
	resume := n.resume
	n.config, n.resume = c, nil
	n.handle(now, ev)
	n.carriage.commit(n.w.carried[n.text])
	n.closePorts(c)
	n.w.checks.after(n, old, c)
	n.resumeHeaders(resume)
}

// Tell takes a notification.
func (n *Node) Tell(ev notify.Event) {
	n.w.checks.told(n, &ev)
	if n.w.Log != nil {
		n.w.Log.line(n.w, n.name, "told", "%s %s %s", ev.Object, ev.Name, ev.State)
	}
}

// Report takes a line of the log.
func (n *Node) Report(r *vrrp.Report) {
	if n.w.Log != nil && r.Detail == 0 {
		n.w.Log.line(n.w, n.name, "say", "%s", r.Text)
	}
}

// Note tells a peer how a router is, or a word in a hand-over.
func (n *Node) Note(s *vrrp.Note) {
	m := local.Msg{
		Type: local.Report, Kind: s.Port.Transport, IPv6: s.Port.IPv6, Src: s.Src, Dst: s.Dst, VRID: s.VRID, ID: s.Port.ID, State: uint8(s.State),
		Priority: s.Priority, Hears: s.Hears,
	}
	if s.Hand != vrrp.NoHand {
		m.Type, m.State = local.Hand, uint8(s.Hand)
	}
	n.carriage.say(m)
}

// Refused does nothing: the log of a world has a line for the first of a kind.
func (n *Node) Refused(*vrrp.Refused) {}

// Moved takes a transition.
func (n *Node) Moved(t *vrrp.Transition) {
	if n.w.Log != nil {
		n.w.Log.line(n.w, n.name, "state", "%s %s -> %s (%s) %s", t.Name, t.From, t.To, t.Cause.Why, t.Cause.Text)
	}
	n.w.checks.moved(n, t)
}

// Publish does nothing: whoever wants to know a state asks for it.
func (n *Node) Publish(*vrrp.Router) {}
