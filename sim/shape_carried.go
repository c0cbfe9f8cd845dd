package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/transport"
)

// Worlds in which adverts are carried by UDP, TCP or TLS: all of kind Carried, and some of kind Anything whose routers are unicast.

// carried is how an instance has its adverts carried; the zero value is not at all.
type carried struct {
	kind transport.Kind
	fast bool
}

func (c *carried) write(b *strings.Builder) {
	if c.kind == transport.IP {
		return
	}
	fmt.Fprintf(b, "    transport %s\n", c.kind)
	if c.fast {
		b.WriteString("    fast_fail on\n")
	}
	if c.kind == transport.TLS {
		b.WriteString("    transport_certificate /node.pem\n    transport_key /node.key\n    transport_ca /ca.pem\n")
	}
}

// pems are the files of TLS: what is in them is the real carrier's business.
var pems = map[string]string{
	"/node.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	"/node.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	"/ca.pem":   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}

// carries reports whether any router of the file is carried.
func (f *file) carries() bool {
	for i := range f.routers {
		if f.routers[i].transport.kind.Carried() {
			return true
		}
	}
	return false
}

// connects reports whether any of them needs connections.
func (f *file) connects() bool {
	return slices.ContainsFunc(f.routers, func(r instance) bool { return r.transport.kind.Connected() })
}

// drawCarriedFile draws a file whose routers all are, of IPv4.
func drawCarriedFile(d dice, routers int) file {
	f := drawFile(d, Anything, routers)
	for f.routers[0].ipv6 { // whose hosts have link-local addresses only, in these worlds
		f = drawFile(d, Anything, routers)
	}
	for i := range f.routers {
		f.routers[i].peers = []string{"all"}
	}
	f.carry(d)
	return f
}

// carry has all routers carried, in one way.
func (f *file) carry(d dice) {
	c := carried{kind: pick(d, transport.TCP, transport.TCP, transport.TLS, transport.UDP)}
	c.fast = c.kind.Connected() && d.chance(60)
	for i := range f.routers {
		f.routers[i].transport = c
	}
}

// hide may put a machine behind a translation of addresses, which only TLS goes with: who dials is known by his certificate.
func (s *Shape) hide(d dice) {
	if i := d.IntN(len(s.Nodes)); s.Nodes[i].File.routers[0].transport.kind == transport.TLS && d.chance(30) {
		s.Nodes[i].Hidden = true
	}
}

// drawCarried may have the unicast routers of a file carried; from dice of its own, as drawMore does.
func (f *file) drawCarried(d dice) {
	if len(f.routers[0].peers) > 0 && !f.routers[0].ipv6 && d.chance(50) {
		f.carry(d)
	}
}

// addCarried adds faults that only concern what is carried, from dice of their own.
func (p *Plan) addCarried(d dice) {
	for e := range p.Episodes {
		for range d.IntN(8) {
			p.Faults = append(p.Faults, drawFault(d, &p.Shape, carriedWhats, e))
		}
	}
}

// reconnecting is the longest time until two carriers that can reach each other are connected.
func (w *World) reconnecting() time.Duration {
	if !slices.ContainsFunc(w.Plan.Shape.Nodes, func(n NodeShape) bool { return n.File.connects() }) {
		return 0
	}
	// What a kernel has measured is the estimate of RFC 6298 and twice its variation.
	way := w.Plan.Shape.roundTrip()
	return transport.Reconnection(2*(2*w.slowest+way)) + 4*way
}

// roundTrip is the longest without faults.
func (s *Shape) roundTrip() time.Duration { return 2 * (s.Delay + s.Jitter + s.Lateness) }

// drawCarriedSwarm chooses the faults that only concern what is carried.
func drawCarriedSwarm(d dice) []What {
	all := slices.Clone(carriedWhats)
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+d.IntN(len(all))]
}
