package config

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"net/netip"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
	"holdfast.dev/transport"
)

// carryDraft is what an instance, or global_defs, says about transports.
type carryDraft struct {
	kind          opt[transport.Kind]
	port          opt[uint16]
	id            opt[uint16] // of an instance only
	fast          opt[bool]
	cert, key, ca string
}

// readCarry takes one keyword; ok is false where it is none of these. What nobody has said takes no memory.
func readCarry(to **carryDraft, n *schema.Node) (ok bool) {
	t := *to
	if t == nothingCarried {
		t = new(carryDraft)
	}
	switch n.Key.Name {
	case "transport":
		if v, ok := n.Arg(0); ok {
			t.kind.put(transport.Kind(v.Int))
		}
	case "transport_port":
		putInt(&t.port, n)
	case "transport_id":
		putInt(&t.id, n)
	case "transport_certificate":
		setText(&t.cert, n)
	case "transport_key":
		setText(&t.key, n)
	case "transport_ca":
		setText(&t.ca, n)
	case "fast_fail":
		putFlag(&t.fast, n)
	default:
		return false
	}
	*to = t
	return true
}

// nothingCarried is of those that say nothing.
var nothingCarried = new(carryDraft)

// carry settles how adverts of an instance travel. What is asked for here is nobody's default, so what can't be had is fatal: an
// instance that was to be carried by TLS must not fall back to something that anybody can forge.
func (b *builder) carry(d *draft) {
	g, t := b.transport, d.transport
	kind := t.kind.or(g.kind.or(transport.IP))
	if !d.Unicast() {
		if t.kind.or(transport.IP) != transport.IP {
			b.fatalf(d.at("transport"), d.Name, "transport %s needs unicast_peer", t.kind.v)
		}
		kind = transport.IP
	}
	fast := t.fast.or(g.fast.or(false))
	if fast && !kind.Connected() {
		if t.fast.or(false) {
			b.errorf(d.at("fast_fail"), d.Name, "fast_fail needs transport tcp or tls: %s has no connection whose end could tell anything - ignoring", kind)
		}
		fast = false
	}
	if kind == transport.IP {
		return
	}
	c := &Carry{Kind: kind, Port: t.port.or(g.port.or(transport.Port)), ID: t.id.or(0), FastFail: fast}
	if kind == transport.TLS {
		c.Identity = b.identityOf(d)
		b.proofs(d)
	}
	b.carried(d, kind)
	d.rare().Carry = c
}

// carried refuses what does not go with a transport of ours.
func (b *builder) carried(d *draft, kind transport.Kind) {
	why, where := "", "transport"
	local := func(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }
	switch {
	case d.Auth.Type == AuthAH:
		why, where = "authentication by AH needs transport ip: auth_hmac works with any, and tls needs neither", "authentication"
	case d.Rare != nil && d.Rare.VRF != "":
		why, where = "vrf needs transport ip", "vrf"
	case local(d.Source):
		why, where = "unicast_src_ip must not be link-local", "unicast_src_ip"
	case d.Family == IPv6 && !d.Source.IsValid():
		why, where = "unicast_src_ip is needed: without it adverts come from a link-local address", "unicast_peer"
	}
	for _, p := range d.Peers {
		if local(p.Addr) {
			why, where = "unicast_peer "+p.Addr.String()+" must not be link-local", "unicast_peer"
		}
	}
	if why != "" {
		b.fatalf(d.at(where, "transport"), d.Name, "transport %s: %s", kind, why)
	}
	if d.CheckSource || d.ttl.set {
		b.notef(d.at("unicast_ttl", "check_unicast_src", "unicast_peer"), d.Name, "transport %s takes adverts from peers only, and has no TTL to check", kind)
	}
}

// proofs sees to it that each peer can be told from others.
func (b *builder) proofs(d *draft) {
	if d.transport.ca != "" || b.transport.ca != "" {
		return
	}
	lacks := func(p *Proof, name string) {
		if p == nil || p.Pin.IsZero() {
			b.fatalf(d.at("unicast_peer"), d.Name, "transport tls: who is %s? It needs tls_pin, or transport_ca to say who may have signed its certificate", name)
		}
	}
	for _, p := range d.Peers {
		lacks(p.Proof, p.Addr.String())
	}
	for _, n := range d.PeerNames() {
		lacks(&n.Proof, n.Name)
	}
}

// identityOf reads the files that the instance proves itself with; 1 + their place in the configuration, 0 where they are of no use.
func (b *builder) identityOf(d *draft) int {
	pick := func(own, global string) string {
		if own != "" {
			return own
		}
		return global
	}
	id := Identity{
		CertificateFile: pick(d.transport.cert, b.transport.cert), KeyFile: pick(d.transport.key, b.transport.key),
		CAFile: pick(d.transport.ca, b.transport.ca),
	}
	if id.CertificateFile == "" || id.KeyFile == "" {
		b.fatalf(d.at("transport"), d.Name, "transport tls needs transport_certificate and transport_key")
		return 0
	}
	for i := range b.cfg.Identities {
		o := &b.cfg.Identities[i]
		if o.CertificateFile == id.CertificateFile && o.KeyFile == id.KeyFile && o.CAFile == id.CAFile {
			return i + 1
		}
	}
	id.Certificate = b.pemFile(d, "transport_certificate", id.CertificateFile, "CERTIFICATE")
	id.Key = Secret(b.pemFile(d, "transport_key", id.KeyFile, "PRIVATE KEY"))
	if id.CAFile != "" {
		id.CA = b.pemFile(d, "transport_ca", id.CAFile, "CERTIFICATE")
	}
	b.flaws(d, &id)
	b.cfg.Identities = append(b.cfg.Identities, id)
	return len(b.cfg.Identities)
}

// flaws reports what peers would find out about an identity whose files could be read.
func (b *builder) flaws(d *draft, id *Identity) {
	if b.env.Identity == nil || id.Certificate == nil || id.Key == nil || id.CAFile != "" && id.CA == nil {
		return
	}
	files := map[string]string{"transport_certificate": id.CertificateFile, "transport_key": id.KeyFile, "transport_ca": id.CAFile}
	for _, f := range b.env.Identity(id, d.Source) {
		class := diag.GeneralError
		if f.Severity == diag.Warning {
			class = diag.OK
		}
		b.say(d.at(f.Keyword, "transport"), f.Severity, class, d.Name, f.Keyword+" "+files[f.Keyword]+" "+f.Text, f.Hint)
	}
}

// maxPEM is the longest file of certificates that is read.
const maxPEM = 256 << 10

// pemFile reads a file that must have a block of a kind.
func (b *builder) pemFile(d *draft, keyword, path, kind string) []byte {
	pos := d.at(keyword)
	text, facts, err := b.files.Read(path)
	switch {
	case err != nil:
		b.fatalf(pos, d.Name, "%s: %s can't be read: %v", keyword, path, err)
		return nil
	case len(text) > maxPEM:
		b.fatalf(pos, d.Name, "%s: %s is too long: more than %d KiB", keyword, path, maxPEM>>10)
		return nil
	case kind == "PRIVATE KEY" && facts.Shared:
		b.say(pos, diag.Error, diag.SecurityError, "", "the key file "+path+" is accessible by others than its owner", "chmod 600 "+path)
	}
	data := []byte(text)
	for rest := data; ; {
		block, after := pem.Decode(rest)
		if block == nil {
			b.fatalf(pos, d.Name, "%s: %s has no %s in PEM", keyword, path, strings.ToLower(kind))
			return nil
		}
		if block.Type == kind || strings.HasSuffix(block.Type, " "+kind) {
			return bytes.Clone(data)
		}
		rest = after
	}
}

// tlsPin reads sha256:BASE64, whose form was checked.
func tlsPin(text string) (pin transport.Pin) {
	digest, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "sha256:"))
	copy(pin[:], digest)
	return pin
}

// sharedPeer is what all instances have in common that share a connection.
type sharedPeer struct {
	first *draft
	peer  Peer
}

// carryClashes looks for instances that would share a port or a connection and ask for different things.
func (b *builder) carryClashes() {
	type place struct {
		family Family
		local  netip.Addr
		port   uint16
	}
	type link struct {
		place
		kind transport.Kind
		addr netip.Addr
	}
	type router struct {
		link
		vrid uint8
		id   uint16
	}
	ports, links, paths := map[place]*draft{}, map[link]sharedPeer{}, map[link]*draft{} // paths are links whatever their port
	routers := map[router]*draft{}
	for _, d := range b.drafts {
		c := d.Carry()
		if c == nil {
			continue
		}
		at := place{d.Family, d.Source, c.Port}
		if c.Kind == transport.TLS { // who dials is answered before it is known who it is
			for _, o := range []*draft{ports[at], ports[place{d.Family, netip.Addr{}, c.Port}]} {
				if o != nil && o.Carry().Identity != c.Identity {
					b.fatalf(d.at("transport", "transport_port"), d.Name, "transport_port %d is that of %s, which has another certificate or CA: give one of them another port",
						c.Port, o.Name)
					break
				}
			}
			ports[at] = d
		}
		for _, p := range d.Peers {
			k := link{at, c.Kind, p.Addr}
			o, ok := links[k]
			path := k
			path.port = 0
			if other := paths[path]; other != nil && other.Carry().Port != c.Port { // an advert says whom it is for, and no port
				b.fatalf(d.at("transport_port", "transport"), d.Name, "transport_port %d is not that of %s, %d, and both reach %s by %v: give them one port",
					c.Port, other.Name, other.Carry().Port, p.Addr, c.Kind)
			}
			paths[path] = d
			r := router{path, d.VRID, c.ID}
			if o := routers[r]; o != nil && o.Interface != d.Interface { // on one interface that is rule A28
				b.fatalf(d.at("transport_id", "virtual_router_id"), d.Name,
					"virtual_router_id %d is that of %s too, and both reach %s by %v: give one of them a transport_id, the same one on both sides", d.VRID, o.Name, p.Addr, c.Kind)
			}
			routers[r] = d
			if ok && !same(o.peer.Proof, p.Proof) {
				b.fatalf(d.at("unicast_peer"), d.Name, "unicast_peer %s has another tls_name or tls_pin than in %s, and both share one connection", p.Addr, o.first.Name)
			}
			links[k] = sharedPeer{d, p}
		}
	}
}
