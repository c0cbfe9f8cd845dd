package sim

import (
	"time"

	"holdfast.dev/host"
	"holdfast.dev/vrrp"
)

// writer is the thread that keeps the kernel, as in package host/kernel: it reads its mail, has one round of the Reconciler, tells, rests.
type writer struct {
	mail  map[host.Owner]wish
	order []host.Owner
	busy  bool          // a round is coming
	drag  time.Duration // a round takes at most that much longer: somebody holds the kernel's lock
}

// wish is the newest wish of an owner.
type wish struct {
	gen    uint64
	want   host.State
	forget bool
}

const (
	breather   = 200 * time.Microsecond
	retryPause = 50 * time.Millisecond
)

func (n *Node) mailTo(o host.Owner, x wish) {
	if n.mail == nil {
		n.mail = map[host.Owner]wish{}
	}
	if _, ok := n.mail[o]; !ok {
		n.order = append(n.order, o)
	}
	n.mail[o] = x
	n.w.checks.wants(n, o, &x)
	n.kick()
}

// kick wakes the writer.
func (n *Node) kick() {
	if n.alive && !n.busy {
		n.rest(0)
	}
}

// rest has the next round come after d and the time that a round takes.
func (n *Node) rest(d time.Duration) {
	n.busy = true
	d += n.w.net.upTo(max(n.w.Plan.Shape.Writing, n.drag))
	n.w.push(entry{at: n.w.now.Add(d), what: write, node: uint8(n.id), arg: n.life})
}

// write is one round of the writer of process life.
func (n *Node) write(life int32) {
	if n.life != life || !n.alive {
		return
	}
	if till := max(n.paused, n.asleep); till > n.w.now {
		n.w.push(entry{at: till, what: write, node: uint8(n.id), arg: life})
		return
	}
	n.busy = false
	for _, o := range n.order {
		if x := n.mail[o]; x.forget {
			n.rec.Forget(o)
		} else {
			n.rec.Want(o, x.gen, x.want)
		}
	}
	clear(n.mail)
	n.order = n.order[:0]
	more, err := n.rec.Round(n.kernel)
	if open := n.kernel.Open; len(open) > 0 && n.kernel.Refuse == nil {
		n.w.fail("firewall", "%s: %v was added while nothing barred it", n.name, open)
	}
	n.kernel.Open = nil
	n.logOps()
	rep := n.rec.Reports()
	n.kernelSays(&rep)
	switch {
	case err != nil:
		n.rest(retryPause)
	case more || len(n.order) > 0, len(n.virtual) > 0 && n.kernel.Waiting() > 0 && !n.kernel.Hold:
		n.rest(breather)
	}
}

func (n *Node) logOps() {
	if n.w.Log != nil {
		for _, op := range n.kernel.Ops {
			n.w.Log.line(n.w, n.name, "asked", "%v", op)
		}
	}
	n.kernel.Ops, n.kernel.Batches = n.kernel.Ops[:0], n.kernel.Batches[:0]
}

// kernelSays passes on what the Reconciler reports: to the sockets first.
func (n *Node) kernelSays(rep *host.Report) {
	for _, name := range rep.Gone {
		n.bind(name, 0)
		n.post(input{ev: &vrrp.LinkGone{Name: name}})
	}
	for _, l := range rep.Changed {
		n.bind(l.Name, l.Index)
		n.post(input{ev: &vrrp.LinkChanged{Link: l}})
	}
	for _, l := range rep.Lost {
		n.post(input{ev: &vrrp.Lost{Lost: l}})
	}
	for _, a := range rep.Applied {
		n.post(input{ev: &vrrp.Applied{Applied: a}})
	}
	if n.w.Log != nil {
		for _, t := range rep.Troubles {
			n.w.Log.line(n.w, n.name, "say", "kernel: %s", t)
		}
	}
	if rep.Synced && n.starts != nil {
		n.post(input{config: n.starts})
		n.runScripts(n.starts)
		if n.follows != nil {
			n.post(input{config: n.follows})
			n.runScripts(n.follows)
		}
		n.starts, n.follows = nil, nil
	}
}

// bind opens the sockets of an interface anew if it is another one than before.
func (n *Node) bind(name string, index int) {
	for i := range n.ports {
		if p := &n.ports[i]; p.id.Link == name && p.index != index {
			p.index = index
			n.free(p)
		}
	}
}
