package sim

import (
	"fmt"
	"io"

	"holdfast.dev/vrrp"
)

// Cover counts in which situation each kind of fault came upon a node.
type Cover struct {
	Worlds, Steps uint64
	counts        [whats][situations]uint64
}

// situation is what a router was doing when a fault came.
type situation uint8

const (
	inInit situation = iota
	inBackup
	inMaster
	inFault
	inDelay   // of the start-up: whatever the state
	inStopped // no process, or one that is on its way out
	onLAN     // it concerns no single node
	situations
)

var situationNames = [...]string{"INIT", "BACKUP", "MASTER", "FAULT", "delay", "stopped", "lan"}

// note counts a fault for every router of the node that it comes upon; one of the LAN for those of all nodes.
func (c *Cover) note(w *World, f *Fault, n *Node) {
	if kinds[f.What].lan {
		c.counts[f.What][onLAN]++
		for _, n := range w.real {
			c.node(f.What, n)
		}
		return
	}
	c.node(f.What, n)
}

func (c *Cover) node(what What, n *Node) {
	if !n.alive || n.halting || n.config == nil {
		c.counts[what][inStopped]++
		return
	}
	if n.delayed() {
		c.counts[what][inDelay]++
	}
	for _, r := range n.driver.Engine.Routers() {
		switch r.State() {
		case vrrp.Init:
			c.counts[what][inInit]++
		case vrrp.Backup:
			c.counts[what][inBackup]++
		case vrrp.Master:
			c.counts[what][inMaster]++
		case vrrp.Fault:
			c.counts[what][inFault]++
		}
	}
}

// Add takes the counts of another.
func (c *Cover) Add(o *Cover) {
	c.Worlds += o.Worlds
	c.Steps += o.Steps
	for i := range c.counts {
		for j := range c.counts[i] {
			c.counts[i][j] += o.counts[i][j]
		}
	}
}

// Write prints the table: how often a fault came upon a router in that state.
func (c *Cover) Write(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "%-22s", "fault"); err != nil {
		return err
	}
	for s := range situations {
		fmt.Fprintf(out, "%12s", situationNames[s])
	}
	fmt.Fprintln(out)
	for w := What(1); w < whats; w++ {
		fmt.Fprintf(out, "%-22s", w)
		for s := range situations {
			fmt.Fprintf(out, "%12d", c.counts[w][s])
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return nil
}

// Unreached lists what never happened although it could.
func (c *Cover) Unreached() (list []string) {
	for w := What(1); w < whats; w++ {
		for _, s := range [...]situation{inInit, inBackup, inMaster, inFault, inDelay} {
			if c.counts[w][s] == 0 {
				list = append(list, w.String()+" in "+situationNames[s])
			}
		}
	}
	return list
}

// delayed reports whether the start-up delay of the node's process is not over.
func (n *Node) delayed() bool {
	return n.config != nil && n.clocks.now(n.w.now).Mono < n.since.Mono.Add(n.delay)
}
