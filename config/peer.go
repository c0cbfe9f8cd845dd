package config

import (
	"net/netip"
	"strings"

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
		if v.Named() {
			b.namedPeer(d, e)
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
		b.peerOptions(d, &p, e)
		d.Peers = append(d.Peers, p)
	}
}

// namedPeer reads a line with a DNS name, which is ours. The name is looked up when the daemon runs.
func (b *builder) namedPeer(d *draft, e *schema.Node) {
	v := e.Args[0]
	p := Peer{Pos: at(v.Pos), MaxTTL: 255, Proof: &Proof{Name: strings.ToLower(strings.TrimSuffix(v.Text, "."))}}
	known := seen(b, &d.rare().PeerNames, func(n *PeerName) string { return n.Name })
	if !known.add(p.Proof.Name) {
		b.errorf(v.Pos, d.Name, "duplicate unicast peer %s - ignoring", p.Proof.Name)
		return
	}
	b.peerOptions(d, &p, e)
	d.Rare.PeerNames = append(d.Rare.PeerNames, PeerName{Pos: p.Pos, MinTTL: p.MinTTL, MaxTTL: p.MaxTTL, Proof: *p.Proof})
}

func (b *builder) peerOptions(d *draft, p *Peer, e *schema.Node) {
	for _, u := range e.Opts {
		if !u.OK {
			continue
		}
		switch u.Name() {
		case "tls_name":
			p.proof().TLSName = strings.ToLower(strings.TrimSuffix(u.Args[0].Text, "."))
			continue
		case "tls_pin":
			p.proof().Pin = tlsPin(u.Args[0].Text)
			continue
		case "min_ttl":
			p.MinTTL = uint8(u.Args[0].Int)
		case "max_ttl":
			p.MaxTTL = uint8(u.Args[0].Int)
		}
		d.peerTTL = true
	}
	if p.MinTTL > p.MaxTTL {
		b.errorf(e.Pos, d.Name, "min_ttl %d > max_ttl %d - all packets will be discarded", p.MinTTL, p.MaxTTL)
	}
}

func (p *Peer) proof() *Proof {
	if p.Proof == nil {
		p.Proof = new(Proof)
	}
	return p.Proof
}
