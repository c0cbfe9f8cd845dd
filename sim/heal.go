package sim

// heal ends all faults, and waits until everything is as it should be.
func (w *World) heal() {
	if w.failure != nil {
		return
	}
	ends := w.ends
	w.ends = nil
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i]()
	}
	w.lan = lan{delay: w.lan.delay, jitter: w.lan.jitter}
	for _, n := range w.real {
		n.repair()
	}
	w.calm, w.calmAt = true, w.now
	w.checks.carrying.healed()
	b := w.bound()
	w.Log.line(w, "-", "FAULT", "all faults have ended; %s", b.String())
	if at := b.until(whyConnected); at > 0 {
		w.until(w.calmAt.Add(at + at*worstRate/million))
		w.checks.carrying.connected("after " + b.String())
	}
	w.until(w.calmAt.Add(b.total()))
	w.checks.election.settle(w, b)
	w.rekey()
	w.until(w.now.Add(w.Plan.Quiet))
	w.checks.election.quiet(w)
}

// repair undoes what has no end of its own.
func (n *Node) repair() {
	for i := range n.nics {
		n.restoreLink(i)
	}
	for name := range n.down {
		n.down[name] = false
	}
	if n.text != n.base {
		if n.alive && !n.halting {
			n.reload(n.base)
		}
		n.text = n.base
	}
	if n.alive && n.config != nil {
		n.runScripts(n.config)
	}
	if !n.alive || n.halting {
		n.die()
		if n.halting {
			n.carriage.end()
		}
		n.sweep()
		n.boot()
	}
	n.carriage.repair()
	n.disturbed()
	n.poke()
}
