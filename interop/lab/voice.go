package lab

import (
	"slices"
	"time"

	"holdfast.dev/link/frame"
)

// VirtualMAC is the hardware address of a virtual router (RFC 9568 section 7.3).
func VirtualMAC(r Router) frame.MAC {
	if r.VR().is6() {
		return frame.MAC{0, 0, 0x5e, 0, 2, r.VRID}
	}
	return frame.MAC{0, 0, 0x5e, 0, 1, r.VRID}
}

// isVirtual reports whether a frame came from the hardware address of some virtual router.
func (f Frame) isVirtual() bool {
	src := f.Bytes[6:12]
	return src[0] == 0 && src[1] == 0 && src[2] == 0x5e && src[3] == 0 && (src[4] == 1 || src[4] == 2)
}

func (r *record) voice(f Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.voices = append(r.voices, f)
}

// Voices lists every frame, of whatever protocol, that a node sent from the hardware address of a virtual router since a time.
func (l *Lab) Voices(n *Node, since time.Time) []Frame {
	return those(l.rec, &l.rec.voices, func(f *Frame) bool { return f.Node == n && f.At.After(since) })
}

func (r *record) ask(f Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asks = append(r.asks, f)
}

// Solicits lists the neighbour solicitations that a node sent since a time, each at least as long as its fixed part.
func (l *Lab) Solicits(n *Node, since time.Time) []Frame {
	return those(l.rec, &l.rec.asks, func(f *Frame) bool { return f.Node == n && f.At.After(since) })
}

// SpeaksAs holds, of all that a node has sent since a time, that the adverts of a virtual router come from its hardware address, that nothing
// is said of its addresses but from there, and that there were such adverts.
func (l *Lab) SpeaksAs(n *Node, r Router, since time.Time) {
	l.T.Helper()
	mac := VirtualMAC(r)
	heard := 0
	for _, a := range l.Adverts(r.VR(), since, time.Now()) {
		if a.Node != n {
			continue
		}
		if heard++; a.MAC != mac {
			l.T.Errorf("%s: an advert of %s comes from %s", clock(a.At), n.Name, a.MAC)
		}
	}
	if heard == 0 {
		l.T.Errorf("no advert of %s", n.Name)
	}
	for _, c := range l.Claims(n, since) {
		if slices.Contains(r.VR().VIPs, c.Addr) && c.MAC != mac {
			l.T.Errorf("%s: %s says that %s is at %s", clock(c.At), n.Name, c.Addr, c.MAC)
		}
	}
}

// Silent holds that a node has sent nothing from the hardware address of a virtual router since a time.
func (l *Lab) Silent(n *Node, since time.Time) {
	l.T.Helper()
	for _, f := range l.Voices(n, since) {
		l.T.Errorf("%s: %s is no master and sends as one: %x", clock(f.At), n.Name, f.Bytes)
	}
}
