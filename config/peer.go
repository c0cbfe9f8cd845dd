package config

import (
	"net/netip"

	"holdfast.dev/config/schema"
)

// readPeers reads unicast_peer (rule O6).
func (b *builder) readPeers(d *draft, n *schema.Node) {
	d.unicast = true
	known := seen(b, &d.Peers, func(p *Peer) netip.Addr { return p.Addr })
	for i := range n.Body {
		e := &n.Body[i]
		v := e.Args[0]
		if !v.OK {
			b.errorf(v.Pos, "", "Configuration error: VRRP instance[%s] malformed unicast peer address[%s]. Skipping...", d.Name, v.Text)
			continue
		}
		if !d.fits(v.Addr) {
			b.errorf(v.Pos, "", "Configuration error: VRRP instance[%s] and unicast peer address[%s] MUST be of the same family !!! Skipping...", d.Name, v.Addr)
			continue
		}
		p := Peer{Pos: at(v.Pos), Addr: v.Addr, MaxTTL: 255}
		if !known.add(p.Addr) {
			b.errorf(v.Pos, d.Name, "duplicate unicast peer %s - ignoring", p.Addr)
			continue
		}
		b.peerTTL(d, &p, e)
		d.Peers = append(d.Peers, p)
	}
}

func (b *builder) peerTTL(d *draft, p *Peer, e *schema.Node) {
	for _, u := range e.Opts {
		if !u.OK {
			continue
		}
		d.peerTTL = true
		switch u.Name() {
		case "min_ttl":
			p.MinTTL = uint8(u.Args[0].Int)
		case "max_ttl":
			p.MaxTTL = uint8(u.Args[0].Int)
		}
	}
	if p.MinTTL > p.MaxTTL {
		b.errorf(e.Pos, d.Name, "min_ttl %d > max_ttl %d - all packets will be discarded", p.MinTTL, p.MaxTTL)
	}
}
