package lint

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/explain"
)

func seconds(d time.Duration) string { return explain.Seconds(d) }

// delivery checks that each node's adverts reach the other.
func (p *pair) delivery() {
	switch {
	case p.a.Unicast() != p.b.Unicast():
		multi := p.na.Name
		if p.a.Unicast() {
			multi = p.nb.Name
		}
		p.say(diag.Error, "use unicast_peer on both or on neither", "one node uses unicast and %s uses multicast: they never hear each other, and both become master", multi)
		return
	case p.a.Transport() != p.b.Transport():
		p.say(diag.Error, "set the same transport", "adverts travel by %s on one node and by %s on the other: they never hear each other, and both become master",
			p.a.Transport(), p.b.Transport())
		return
	case p.a.Carry() != nil && p.a.Carry().Port != p.b.Carry().Port:
		p.say(diag.Error, "set the same transport_port", "transport_port is %d on one node and %d on the other: they never hear each other, and both become master",
			p.a.Carry().Port, p.b.Carry().Port)
		return
	case p.a.Carry() != nil && p.a.Carry().ID != p.b.Carry().ID:
		p.say(diag.Error, "set the same transport_id", "transport_id is %d on one node and %d on the other: they never hear each other, and both become master",
			p.a.Carry().ID, p.b.Carry().ID)
		return
	case p.a.Carry() != nil && p.a.Carry().FastFail != p.b.Carry().FastFail:
		p.say(diag.Note, "", "fast_fail is on for one node only: the other waits for the end of its timer when a daemon dies")
	case !p.a.Unicast():
		if p.a.Group != p.b.Group {
			p.say(diag.Error, "set the same mcast_dst_ip", "adverts go to %s on one node and %s on the other: they never hear each other", p.a.Group, p.b.Group)
		}
		return
	}
	if src := p.a.Source; src.IsValid() && src == p.b.Source {
		p.say(diag.Error, "each node names an address of its own", "both nodes send from %s (unicast_src_ip): it can be on one of them only, and the other's adverts never leave", src)
		return
	}
	if len(p.a.PeerNames()) > 0 || len(p.b.PeerNames()) > 0 {
		p.say(diag.Note, "", "peers are given by DNS names, so whether each lists the other can't be seen here")
		return
	}
	p.listed(p.a, p.b, p.na, p.nb)
	p.listed(p.b, p.a, p.nb, p.na)
}

// listed checks that to has an address that from sends to. An address that the file does not give can't be checked.
func (p *pair) listed(from, to *config.Instance, nf, nt *Node) {
	var peers []string
	for _, peer := range from.Peers {
		if peer.Addr == to.Source {
			return
		}
		peers = append(peers, peer.Addr.String())
	}
	if !to.Source.IsValid() {
		p.say(diag.Note, "set unicast_src_ip", "%s has no unicast_src_ip, so whether it is among the peers of %s (%s) can't be seen here", nt.Name, nf.Name, strings.Join(peers, ", "))
		return
	}
	p.say(diag.Error, "add "+to.Source.String()+" to unicast_peer on "+nf.Name,
		"%s sends to %s, and %s is not among them: %s never hears %s and becomes a second master", nf.Name, strings.Join(peers, ", "), to.Source, nt.Name, nf.Name)
}

// protocol checks version, interval and form of adverts.
func (p *pair) protocol() {
	if p.a.Version != p.b.Version {
		p.say(diag.Error, "set the same version", "VRRP version %d on %s and %d on %s: each drops the other's adverts, and both become master", p.a.Version, p.na.Name, p.b.Version, p.nb.Name)
		return
	}
	if p.a.AdvertInterval != p.b.AdvertInterval {
		if p.a.Version == 2 {
			p.say(diag.Error, "set the same advert_int", "advert_int is %s on %s and %s on %s: in version 2 each drops the other's adverts, and both become master", seconds(p.a.AdvertInterval), p.na.Name, seconds(p.b.AdvertInterval), p.nb.Name)
		} else {
			p.say(diag.Warning, "set the same advert_int", "advert_int is %s on %s and %s on %s: a backup follows the master's, so how long a failover takes depends on who is master", seconds(p.a.AdvertInterval), p.na.Name, seconds(p.b.AdvertInterval), p.nb.Name)
		}
	}
	if p.a.Version == 3 && p.a.Family == config.IPv4 && p.a.ChecksumAsV2 != p.b.ChecksumAsV2 {
		p.say(diag.Warning, "set v3_checksum_as_v2 on both or on neither", "the checksums differ (v3_checksum_as_v2): a peer that knows one form only drops the adverts")
	}
	if p.a.DownTimerAdverts != p.b.DownTimerAdverts {
		p.say(diag.Note, "", "down_timer_adverts is %d on %s and %d on %s: one is more patient than the other", p.a.DownTimerAdverts, p.na.Name, p.b.DownTimerAdverts, p.nb.Name)
	}
	if p.a.Strict != p.b.Strict {
		p.say(diag.Note, "", "strict mode is on for one node only")
	}
}

// authentication checks that each accepts what the other sends.
func (p *pair) authentication() {
	if p.a.Auth.Type != p.b.Auth.Type {
		p.say(diag.Error, "write the same authentication block into both files", "the authentication differs in type: each drops the other's adverts, and both become master")
	} else if p.a.Auth.Password != p.b.Auth.Password {
		p.say(diag.Error, "only the first 8 characters of auth_pass count", "auth_pass differs: each drops the other's adverts, and both become master")
	}
	p.hmac(p.a, p.b, p.na, p.nb)
	p.hmac(p.b, p.a, p.nb, p.na)
}

// hmac checks that to accepts what from sends.
func (p *pair) hmac(from, to *config.Instance, nf, nt *Node) {
	f, t := from.HMAC, to.HMAC
	signs := f != nil && f.Mode != config.HMACReceiveOnly
	switch {
	case t == nil && signs:
		p.say(diag.Error, "add auth_hmac to "+nt.Name+", or set mode receive-only on "+nf.Name+" until then", "%s signs its adverts and %s knows nothing of auth_hmac: it drops them", nf.Name, nt.Name)
	case t == nil:
	case !signs && t.Mode == config.HMACEnforce:
		p.say(diag.Error, "set mode permissive on "+nt.Name+" until all nodes sign", "%s accepts signed adverts only, and %s does not sign", nt.Name, nf.Name)
	case signs:
		p.hmacKey(f, t, nf, nt)
	}
}

func (p *pair) hmacKey(f, t *config.HMAC, nf, nt *Node) {
	find := func(h *config.HMAC, id uint8) config.Secret {
		for _, k := range h.Keys {
			if k.ID == id {
				return k.Secret
			}
		}
		return nil
	}
	known := find(t, f.Active)
	switch {
	case known == nil:
		p.say(diag.Error, "add the key before it becomes the active one", "%s signs with key %d, which %s does not have", nf.Name, f.Active, nt.Name)
	case !bytes.Equal(known, find(f, f.Active)):
		p.say(diag.Error, "", "key %d is not the same on %s and %s", f.Active, nf.Name, nt.Name)
	}
}

// addresses compares the lists: a backup that holds other addresses than the master loses those that it lacks.
func (p *pair) addresses() {
	p.list("virtual_ipaddress", p.a.Addresses, p.b.Addresses, true)
	p.list("virtual_ipaddress_excluded", p.a.Excluded, p.b.Excluded, false)
}

func (p *pair) list(name string, a, b []config.Address, ordered bool) {
	bits := func(l []config.Address) map[netip.Addr]int {
		m := make(map[netip.Addr]int, len(l))
		for _, x := range l {
			m[x.Addr()] = x.Prefix.Bits()
		}
		return m
	}
	missing := func(from, in []config.Address) (out []string) {
		known := bits(in)
		for _, x := range from {
			if _, ok := known[x.Addr()]; !ok {
				out = append(out, x.Addr().String())
			}
		}
		return out
	}
	onA, onB := missing(a, b), missing(b, a)
	for _, m := range []struct {
		list  []string
		has   *Node
		lacks *Node
	}{{onA, p.na, p.nb}, {onB, p.nb, p.na}} {
		if len(m.list) > 0 {
			p.say(diag.Error, "write the same "+name+" into both files", "%s is on %s and not on %s: nobody holds it while %s is master, and peers count a mismatch with every advert", strings.Join(m.list, ", "), m.has.Name, m.lacks.Name, m.lacks.Name)
		}
	}
	addrs := func(l []config.Address) (out []netip.Addr) {
		for _, x := range l {
			out = append(out, x.Addr())
		}
		return out
	}
	if ordered && len(onA)+len(onB) == 0 && !slices.Equal(addrs(a), addrs(b)) {
		p.say(diag.Warning, "keep one order", "%s has the same addresses in another order: implementations that compare the lists one by one count a mismatch with every advert", name)
	}
	there := bits(b)
	for _, x := range a {
		if n, ok := there[x.Addr()]; ok && n != x.Prefix.Bits() {
			p.say(diag.Warning, "", "%s has the prefix length %d on %s and %d on %s", x.Addr(), x.Prefix.Bits(), p.na.Name, n, p.nb.Name)
		}
	}
}
