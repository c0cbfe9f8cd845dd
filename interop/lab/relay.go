package lab

import "holdfast.dev/internal/netns/relay"

// Relay takes two nodes off the bridge and joins them by a network that can lose and delay packets. Nobody else hears them any more, the lab's
// record included.
func (l *Lab) Relay(a, b *Node) *relay.Relay {
	l.T.Helper()
	for _, n := range []*Node{a, b} {
		l.ok(l.setPortState(n.port, stateDisabled))
	}
	r, err := relay.New(l.fabric, a.port, b.port)
	l.ok(err)
	l.T.Cleanup(r.Close)
	return r
}
