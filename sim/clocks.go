package sim

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
)

// clocks are those of one machine, as distances from the time of the world. They may run faster or slower than that: by rate parts in a
// million since the beginning.
type clocks struct {
	mono, boot, wall int64
	rate             int64
}

// million is what rates are parts of.
const million = 1_000_000

// now reads them when the world's time is t.
func (c *clocks) now(t clock.Instant) clock.Now {
	t += (t - beginning) * clock.Instant(c.rate) / million
	return clock.Now{Mono: t + clock.Instant(c.mono), Boot: t + clock.Instant(c.boot), Wall: int64(t) + c.wall}
}

// world is the world's time when the monotonic clock shows mono, or the first at which it shows more, if the machine does not sleep until then.
func (c *clocks) world(mono clock.Instant) clock.Instant {
	passed := mono - clock.Instant(c.mono) - beginning
	t := beginning + passed - passed*clock.Instant(c.rate)/clock.Instant(million+c.rate)
	for c.now(t).Mono < mono {
		t++
	}
	return t
}

// shown is by how much a clock that runs has gone on, or a nanosecond less: none may go backwards.
func (c *clocks) shown(d time.Duration) int64 {
	if c.rate == 0 {
		return int64(d)
	}
	return int64(d) + int64(d)*c.rate/million - 1
}

// sleep is what a suspend of the length does: only the monotonic clock stands still.
func (c *clocks) sleep(d time.Duration) { c.mono -= c.shown(d) }

// freeze is what a hypervisor does that stops a machine: all of its clocks stand still.
func (c *clocks) freeze(d time.Duration) {
	c.mono -= c.shown(d)
	c.boot -= c.shown(d)
	c.wall -= c.shown(d)
}

// beginning is the world's time at which everything starts.
const beginning = clock.Instant(time.Hour)

// subnet is the network of the hosts' own addresses on a link, its first three octets.
func subnet(link string) string {
	if link == "eth1" {
		return "198.51.100"
	}
	return "192.0.2"
}

// hostAddr is a node's own address on a link.
func hostAddr(link string, ipv6 bool, node int) netip.Addr {
	if ipv6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(index(link, node) >> 8), 15: byte(index(link, node))})
	}
	third := [3]byte{192, 0, 2}
	if link == "eth1" {
		third = [3]byte{198, 51, 100}
	}
	return netip.AddrFrom4([4]byte{third[0], third[1], third[2], byte(node + 1)})
}

// index is the number of a node's link, at first. They differ from node to node, and so do the addresses that come of them.
func index(link string, node int) int {
	if link == "eth1" {
		return 10*(node+1) + 5
	}
	return 10 * (node + 1)
}
