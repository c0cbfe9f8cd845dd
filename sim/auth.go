package sim

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// Worlds with auth_hmac. In them nobody's clock is off by more than NTP leaves it; whoever does not have the keys changes nothing, nor does who
// sends again what was sent; and the operators change the key while everything is quiet.

// signing is how the routers of a file sign. The zero value is not at all.
type signing struct {
	with  string // what the keys are made of; those of routers that cannot understand each other differ
	key   int    // id of the key
	stage int    // of changing it: 0 only that, 1 the next one is known too, 2 and signs
}

// changes is how many reloads of each node it takes to change a key.
const changes = 3

// next is the following stage.
func (s *signing) next() {
	if s.stage++; s.stage == changes {
		s.key, s.stage = s.key+1, 0
	}
}

// secret is the key of an id, 32 octets.
func (s *signing) secret(id int) string {
	return (fmt.Sprintf("%s-%d-", s.with, id) + strings.Repeat("k", 32))[:32]
}

// String is the block of the configuration.
func (s *signing) String() string {
	if s.with == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("    auth_hmac {\n")
	active := s.key
	fmt.Fprintf(&b, "        key %d %s\n", s.key, s.secret(s.key))
	if s.stage > 0 {
		fmt.Fprintf(&b, "        key %d %s\n", s.key+1, s.secret(s.key+1))
	}
	if s.stage == 2 {
		active++
	}
	fmt.Fprintf(&b, "        active_key %d\n    }\n", active)
	return b.String()
}

// drawSigning draws from dice of its own, as drawMore does.
func (f *file) drawSigning(d dice) {
	if !d.chance(20) {
		return
	}
	for i := range f.routers {
		f.routers[i].password, f.routers[i].signing = "", signing{with: "shared", key: 1}
	}
}

// signed reports whether the routers of this world sign.
func (w *World) signed() bool {
	f := &w.Plan.Shape.Nodes[0].File
	return len(f.routers) > 0 && f.routers[0].signing.with != ""
}

// apart is how far the clocks of two neighbours are apart.
const apart = 300 * time.Millisecond

// synchronise sets the wall clock as NTP would.
func (n *Node) synchronise() {
	n.clocks.wall = 1_700_000_000_000_000_000
	if n.w.signed() {
		n.clocks.wall += int64(n.id) * int64(apart)
	}
}

// rekey changes the key of all routers while nothing else happens: the nodes reload one after the other, three times each.
func (w *World) rekey() {
	if !w.signed() {
		return
	}
	step := w.Plan.Quiet / time.Duration(changes*len(w.real)+1)
	for i := range changes * len(w.real) {
		n := w.real[i%len(w.real)]
		w.later(time.Duration(i+1)*step, func() {
			n.file = n.file.clone()
			for k := range n.file.routers {
				n.file.routers[k].signing.next()
			}
			n.base = n.file.String()
			n.reload(n.base)
		})
	}
}

// recent are the last adverts of a world, for those who send them again.
type recent struct {
	list [16]packet
	n    int
}

func (r *recent) keep(p *packet) {
	q := &r.list[r.n%len(r.list)]
	payload := q.payload[:0]
	*q = *p
	q.payload, q.from, q.forged = append(payload, p.payload...), -1, true
	r.n++
}

// replay sends what was sent a moment ago, over again.
func (w *World) replay(f *Fault) {
	for i := range min(w.sent.n, len(w.sent.list)) {
		p := w.sent.list[i]
		p.payload = append([]byte(nil), p.payload...)
		w.later(time.Duration(f.A%uint64(max(f.For, 1))), func() { w.put(&p) })
	}
}

// counterfeit ends a message as somebody would who does not have the key: not at all, or with another one.
func (s *signing) counterfeit(w *World, f *Fault, payload []byte, src netip.Addr) []byte {
	if f.B>>32&1 == 0 {
		return payload
	}
	id := uint8(s.key)
	k, err := wire.NewTrailerKey(id, []byte(strings.Repeat("x", 32)))
	if err != nil {
		w.fail("forge", "%v", err)
		return payload
	}
	return k.Append(payload, payload, src, wire.SequenceAt(wallAt(w.now)))
}

// wallAt is what a clock shows that is right.
func wallAt(now clock.Instant) int64 { return int64(now) + 1_700_000_000_000_000_000 }
