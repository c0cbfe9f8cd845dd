package vrrp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/vrrp/wire"
)

var authTypes = map[string]uint8{"none": wire.AuthNone, "PASS": wire.AuthPass, "AH": wire.AuthAH}

// speakers are the other routers of a world, as far as they authenticate. Keys are written ID:TEXT, where TEXT is repeated to 32 octets.
//
//	router R auth=AH pass=secret
//	router R hmac=1:a,2:b active=2 window=5s mode=permissive monotonic
//	advert ... auth=AH pass=wrong seq=7                       the sequence follows the last one of that sender otherwise
//	advert ... key=2:wrong skew=-3s unsigned type=2           the clock is ours otherwise
type speakers struct {
	ah   map[netip.Addr]uint32
	hmac map[netip.Addr]wire.Sequence
	last *Received
}

// secret reads ID:TEXT.
func secret(w *world, v string) HMACKey {
	id, text, _ := strings.Cut(v, ":")
	return HMACKey{ID: uint8(number(w.t, id)), Secret: Secret(strings.Repeat(text, 32)[:32])}
}

// hmac changes the HMAC of a draft; hmac= alone takes it away.
func (w *world) hmac(s *Spec, k, v string) {
	h := HMAC{Window: 5 * time.Second}
	if s.HMAC != nil {
		h = *s.HMAC
	}
	switch k {
	case "hmac":
		h.Keys = nil
		for _, key := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' }) {
			h.Keys = append(h.Keys, secret(w, key))
		}
		if len(h.Keys) == 0 {
			s.HMAC = nil
			return
		}
		if h.Active == 0 {
			h.Active = h.Keys[0].ID
		}
	case "active":
		h.Active = uint8(number(w.t, v))
	case "window":
		h.Window = w.dur(v)
	case "mode":
		h.Mode = map[string]HMACMode{"enforce": HMACEnforce, "permissive": HMACPermissive, "receive-only": HMACReceiveOnly}[v]
	}
	s.HMAC = &h
}

// seal authenticates what a router with the specification sends.
func (p *speakers) seal(w *world, s *Spec, rx *Received, opt map[string]string) {
	if p.ah == nil {
		p.ah, p.hmac = map[netip.Addr]uint32{}, map[netip.Addr]wire.Sequence{}
	}
	if s.AuthType == wire.AuthAH {
		p.ah[rx.Src]++
		if v := opt["seq"]; v != "" {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				w.t.Fatal(err)
			}
			p.ah[rx.Src] = uint32(n)
		}
		rx.ID = uint16(p.ah[rx.Src])
		rx.Payload = append(make([]byte, wire.AHLen), rx.Payload...)
		h := wire.IPv4{Protocol: wire.ProtoAH, TTL: uint8(rx.TTL), ID: rx.ID, Src: rx.Src, Dst: rx.Dst}
		if err := wire.NewAHKey(s.Password).Sign(rx.Payload, &h, s.Unicast(), p.ah[rx.Src]); err != nil {
			w.t.Fatal(err)
		}
	}
	key, unsigned := opt["key"], false
	if _, unsigned = opt["unsigned"]; unsigned || key == "" && (s.HMAC == nil || s.HMAC.Mode == HMACReceiveOnly) {
		return
	}
	p.sign(w, s, rx, opt)
}

func (p *speakers) sign(w *world, s *Spec, rx *Received, opt map[string]string) {
	var k HMACKey
	if v := opt["key"]; v != "" {
		k = secret(w, v)
	} else {
		for _, o := range s.HMAC.Keys {
			if o.ID == s.HMAC.Active {
				k = o
			}
		}
	}
	signer, err := wire.NewTrailerKey(k.ID, k.Secret)
	if err != nil {
		w.t.Fatal(err)
	}
	wall := w.now.Wall
	if v := opt["skew"]; v != "" {
		wall += int64(w.dur(v))
	}
	seq := wire.SequenceAt(wall)
	if last := p.hmac[rx.Src]; opt["skew"] == "" && last != 0 && !seq.After(last) {
		seq = last + 1
	}
	p.hmac[rx.Src] = seq
	n := len(rx.Payload)
	rx.Payload = signer.Append(rx.Payload, rx.Payload, rx.Src, seq)
	if v := opt["type"]; v != "" {
		rx.Payload[n] = uint8(number(w.t, v))
	}
}

// sealOf tells how an advert is authenticated.
func sealOf(a *Send) string {
	if a.Port.AH {
		ah, _, r := wire.ParseAH(a.Payload)
		return fmt.Sprintf(", AH %d %s", ah.Sequence, r)
	}
	adv, r := wire.Decode(a.Payload, a.Src, a.Dst, wire.Options{Trailer: true})
	if t, found := adv.ParseTrailer(); r == wire.OK && found == wire.OK {
		return fmt.Sprintf(", key %d at %d.%04x.%d", t.KeyID, uint32(t.Sequence>>32), uint16(t.Sequence>>16), uint16(t.Sequence))
	}
	return ""
}
