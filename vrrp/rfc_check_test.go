package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"holdfast.dev/vrrp/wire"
)

// The checks on reception: RFC 3768 section 7.1, RFC 9568 section 7.1 with errata 8298 to 8301. Each packet here would be a better master's if it
// were not for one thing that is wrong with it, so that whoever forgets a check yields to it.

// checked is one virtual router in the three forms that adverts come in.
var checked = []struct {
	name, router, link, advert string
}{
	{"IPv4v2", "router R prio=100", "link eth0 192.0.2.5/24", "from 192.0.2.9 prio 200"},
	{"IPv4v3", "router R v=3 prio=100", "link eth0 192.0.2.5/24", "from 192.0.2.9 prio 200"},
	{"IPv6v3", "router R v=3 prio=100 addr=fe80::100/64,2001:db8::100/64", "link eth0 fe80::5/64", "from fe80::9 prio 200"},
}

// resum makes the checksum of a packet right again, as RFC 1071 says.
func resum(rx *Received) {
	p := rx.Payload
	p[6], p[7] = 0, 0
	var sum uint32
	add := func(b []byte) {
		for i := range b {
			sum += uint32(b[i]) << (8 * (1 - i%2))
		}
	}
	if rx.Src.Is6() || p[0]>>4 == wire.V3 {
		add(rx.Src.AsSlice())
		add(rx.Dst.AsSlice())
		sum += uint32(len(p)) + wire.ProtoVRRP
	}
	add(p)
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	p[6], p[7] = byte(^sum>>8), byte(^sum)
}

// deliver runs a router until it is BACKUP for 3 s, or MASTER for 0.4 s, gives it the packet that edit has changed, and runs on for the rest of
// both down times.
func deliver(t *testing.T, router, link, advert string, master bool, edit func(rx *Received)) (*Router, string) {
	t.Helper()
	w := newWorld(t)
	at := "at 3s"
	if master {
		at = "at 4s"
	}
	for _, line := range []string{router, link, "start", at} {
		w.line(line)
	}
	rx := w.advert(strings.Fields(advert))
	resum(rx)
	if edit != nil {
		edit(rx)
	}
	for _, ev := range []Event{&AdvertsDue{}, rx, &Wakeup{}} {
		w.step(ev)
	}
	w.line("at 5s")
	return w.e.routers[0], w.out.String()
}

// judge says whether the packet counted: a BACKUP listens anew, a MASTER yields.
func judge(out string, master bool) string {
	timer := strings.Contains(out, "3.609  R BACKUP -> MASTER")
	yielded := strings.Contains(out, "4.000  R MASTER -> BACKUP")
	switch {
	case !master && timer || master && timer && !yielded && strings.Contains(out, "4.609  R advert"):
		return "discarded"
	case !master && !timer && !strings.Contains(out, "MASTER") || master && timer && yielded:
		return "heard"
	}
	return "neither:\n" + out
}

// discards gives the packet to a BACKUP and to a MASTER: it is discarded, one counter says so, and a line of the log if told is not empty.
func discards(t *testing.T, form int, name, told string, counter func(s *Stats) uint64, edit func(rx *Received)) {
	t.Helper()
	c := checked[form]
	for _, master := range []bool{false, true} {
		who := map[bool]string{false: "BACKUP", true: "MASTER"}[master]
		if _, out := deliver(t, c.router, c.link, c.advert, master, nil); judge(out, master) != "heard" {
			t.Fatalf("%s, %s: the packet that nothing is wrong with: %s", c.name, who, judge(out, master))
		}
		r, out := deliver(t, c.router, c.link, c.advert, master, edit)
		if got := judge(out, master); got != "discarded" {
			t.Errorf("%s, %s, %s: %s", c.name, who, name, got)
		}
		if n := counter(&r.stats); n != 1 {
			t.Errorf("%s, %s, %s: counted %d times", c.name, who, name, n)
		}
		if !strings.Contains(out, told) {
			t.Errorf("%s, %s, %s: %q is not told\n%s", c.name, who, name, told, out)
		}
	}
}

func dropped(reason wire.Reason) func(s *Stats) uint64 {
	return func(s *Stats) uint64 { return s.Dropped[reason] }
}

func TestRFC9568_7_1_TTL(t *testing.T) { // and RFC 3768 section 7.1
	for form := range checked {
		for _, ttl := range []int{0, 1, 64, 254} {
			discards(t, form, fmt.Sprintf("TTL %d", ttl), "invalid TTL/HL", dropped(wire.WrongTTL),
				func(rx *Received) { rx.TTL = ttl })
		}
	}
}

func TestRFC9568_7_1_Version(t *testing.T) { // and RFC 3768 section 7.1
	for form := range checked {
		for version := range 16 {
			if version != 2 && version != 3 {
				discards(t, form, fmt.Sprintf("version %d", version), "", dropped(wire.BadVersion),
					func(rx *Received) { rx.Payload[0] = byte(version<<4 | 1); resum(rx) })
			}
		}
	}
	discards(t, 0, "version 3", "wrong VRRP version. Received 3 and expect 2", dropped(wire.BadVersion), func(rx *Received) {
		rx.Payload = []byte{0x31, 51, 200, 1, 0, 100, 0, 0, 192, 0, 2, 100}
		resum(rx)
	})
	discards(t, 1, "version 2", "wrong VRRP version. Received 2 and expect 3", dropped(wire.BadVersion), func(rx *Received) {
		rx.Payload = append([]byte{0x21, 51, 200, 1, 0, 1, 0, 0, 192, 0, 2, 100}, make([]byte, wire.AuthLen)...)
		resum(rx)
	})
}

func TestRFC9568_5_2_2_Type(t *testing.T) { // and RFC 3768 section 5.3.2
	for form := range checked {
		for typ := range 16 {
			if typ != wire.TypeAdvert {
				discards(t, form, fmt.Sprintf("type %d", typ), "unknown packet type", dropped(wire.BadType),
					func(rx *Received) { rx.Payload[0] = rx.Payload[0]&0xf0 | byte(typ); resum(rx) })
			}
		}
	}
}

func TestRFC9568_7_1_Complete(t *testing.T) { // and RFC 3768 section 7.1
	for form, length := range []int{16 + 4, 8 + 4, 8 + 2*16} {
		for n := 2; n < length; n++ {
			discards(t, form, fmt.Sprintf("the first %d of %d octets", n, length), "packet too short", dropped(wire.TooShort), func(rx *Received) {
				if len(rx.Payload) != length {
					t.Fatalf("%d octets, not %d", len(rx.Payload), length)
				}
				if rx.Payload = rx.Payload[:n]; n >= wire.HeaderLen {
					resum(rx)
				}
			})
		}
		discards(t, form, "a count that is too large", "packet too short", dropped(wire.TooShort), func(rx *Received) { rx.Payload[3]++; resum(rx) })
		discards(t, form, "a count that is too small", "packet too long", dropped(wire.TooLong), func(rx *Received) { rx.Payload[3]--; resum(rx) })
	}
}

// Over IPv6 it is the kernel that checks, because the octets that a socket is given may not be summed yet (offloading): TestIPv6BadChecksum of
// package link.
func TestRFC9568_7_1_Checksum(t *testing.T) { // and RFC 3768 section 7.1
	for form := range checked[:2] {
		for bit := range 16 {
			discards(t, form, fmt.Sprintf("bit %d of the checksum", bit), "checksum", dropped(wire.BadChecksum),
				func(rx *Received) { rx.Payload[6+bit/8] ^= 1 << (bit % 8) })
		}
		discards(t, form, "a higher priority", "checksum", dropped(wire.BadChecksum), func(rx *Received) { rx.Payload[2]++ })
	}
}

func TestRFC9568_7_1_VRID(t *testing.T) { // and RFC 3768 section 7.1
	for form := range checked {
		none := func(s *Stats) uint64 { return s.Received + 1 }
		for _, vrid := range []byte{0, 50, 52, 255} {
			discards(t, form, fmt.Sprintf("VRID %d", vrid), "", none, func(rx *Received) { rx.Payload[1] = vrid; resum(rx) })
		}
		// Configured, but not on the interface that it came from.
		discards(t, form, "another interface", "", none, func(rx *Received) { rx.Port.Link = "eth1" })
	}
}

func TestRFC3768_7_1_Authentication(t *testing.T) {
	c := checked[0]
	for _, bad := range []struct {
		name, router string
		reason       wire.Reason
		edit         func(rx *Received)
	}{
		{"type 1 where there is none", c.router, wire.AuthMismatch, func(rx *Received) { rx.Payload[4] = 1 }},
		{"type 2 where there is none", c.router, wire.AuthMismatch, func(rx *Received) { rx.Payload[4] = 2 }},
		{"type 3", c.router, wire.BadAuthType, func(rx *Received) { rx.Payload[4] = 3 }},
		{"type 255", c.router, wire.BadAuthType, func(rx *Received) { rx.Payload[4] = 255 }},
		{"no type", c.router + " pass=secret", wire.AuthMismatch, func(rx *Received) { rx.Payload[4] = 0 }},
		{"another first octet", c.router + " pass=secret", wire.BadPassword, func(rx *Received) { rx.Payload[12] ^= 1 }},
		{"another last octet", c.router + " pass=secret", wire.BadPassword, func(rx *Received) { rx.Payload[19] ^= 1 }},
	} {
		for _, master := range []bool{false, true} {
			if _, out := deliver(t, bad.router, c.link, c.advert, master, nil); judge(out, master) != "heard" {
				t.Fatalf("the right authentication: %s", out)
			}
			r, out := deliver(t, bad.router, c.link, c.advert, master, func(rx *Received) { bad.edit(rx); resum(rx) })
			if got := judge(out, master); got != "discarded" || r.stats.Dropped[bad.reason] != 1 {
				t.Errorf("%s: %s, %v", bad.name, got, r.stats.Dropped)
			}
		}
	}
}

func TestRFC3768_5_3_10_DataWithoutAuthenticationIsIgnored(t *testing.T) {
	c := checked[0]
	_, out := deliver(t, c.router, c.link, c.advert, true, func(rx *Received) { rx.Payload[12], rx.Payload[19] = 0xaa, 0x55; resum(rx) })
	if got := judge(out, true); got != "heard" {
		t.Error(got)
	}
}

func TestRFC3768_7_1_Interval(t *testing.T) {
	for _, seconds := range []byte{0, 2, 255} {
		discards(t, 0, fmt.Sprintf("every %d s", seconds), "advertisement interval mismatch", dropped(wire.BadInterval),
			func(rx *Received) { rx.Payload[5] = seconds; resum(rx) })
	}
}

func TestRFC9568_7_1_IntervalZero(t *testing.T) { // erratum 8301
	for form := 1; form < len(checked); form++ {
		discards(t, form, "every 0 cs", "", dropped(wire.BadInterval), func(rx *Received) { rx.Payload[4], rx.Payload[5] = 0xf0, 0; resum(rx) })
	}
}

func TestRFC9568_5_2_6_ReservedBitsAreIgnored(t *testing.T) {
	for form := 1; form < len(checked); form++ {
		c := checked[form]
		for _, master := range []bool{false, true} {
			r, out := deliver(t, c.router, c.link, c.advert, master, func(rx *Received) { rx.Payload[4] |= 0xf0; resum(rx) })
			if got := judge(out, master); got != "heard" || r.masterInterval != r.spec.Interval {
				t.Errorf("%s: learnt %v, %s", c.name, r.masterInterval, got)
			}
		}
	}
}

// Both RFCs: another address list, another interval in version 3. The advert counts as keepalived has it (rules F8, F10), it is counted and told of.
// RFC 3768 would discard it where the sender is not the owner; two masters would be the worse mistake, as the routers do hear each other.
func TestRFC9568_7_1_AnotherListIsToldOf(t *testing.T) {
	for form := range checked {
		c := checked[form]
		for name, edit := range map[string]func(rx *Received){
			"another address": func(rx *Received) { rx.Payload[11] ^= 1 },
			"none": func(rx *Received) { // erratum 8299 would ignore it
				rx.Payload[3] = 0
				rx.Payload = append(rx.Payload[:wire.HeaderLen:wire.HeaderLen], make([]byte, []int{wire.AuthLen, 0, 0}[form])...)
			},
			"the first one twice": func(rx *Received) {
				if form != 2 {
					rx.Payload[3] = 2
					rx.Payload = append(append(append([]byte(nil), rx.Payload[:12]...), rx.Payload[8:12]...), rx.Payload[12:]...)
				} else {
					rx.Payload[3] = 3
					rx.Payload = append(rx.Payload, rx.Payload[8:24]...)
				}
			},
		} {
			for _, master := range []bool{false, true} {
				r, out := deliver(t, c.router, c.link, c.advert, master, func(rx *Received) { edit(rx); resum(rx) })
				if got := judge(out, master); got != "heard" || r.stats.AddrList != 1 || !strings.Contains(out, "from "+strings.Fields(c.advert)[1]) {
					t.Errorf("%s, %s: %s, counted %d times\n%s", c.name, name, got, r.stats.AddrList, out)
				}
			}
		}
	}
	// Any order is the same list.
	c := checked[2]
	r, out := deliver(t, c.router, c.link, c.advert, true, func(rx *Received) {
		p := rx.Payload
		rx.Payload = append(append(append([]byte(nil), p[:8]...), p[24:40]...), p[8:24]...)
		resum(rx)
	})
	if r.stats.AddrList != 0 || judge(out, true) != "heard" {
		t.Errorf("in another order: counted %d times\n%s", r.stats.AddrList, out)
	}
}

// Erratum 8300: the first IPv6 address is link-local. As keepalived does, we take an advert in which it is not (rule A12): it differs from
// ours, so it is counted and told of.
func TestRFC9568_5_2_9_FirstAddressNotLinkLocalIsToldOf(t *testing.T) {
	c := checked[2]
	r, out := deliver(t, c.router, c.link, c.advert, true, func(rx *Received) {
		a := netip.MustParseAddr("2001:db8::77").As16()
		copy(rx.Payload[8:], a[:])
		resum(rx)
	})
	if got := judge(out, true); got != "heard" || r.stats.AddrList != 1 || !strings.Contains(out, "2001:db8::77") {
		t.Errorf("%s, counted %d times\n%s", got, r.stats.AddrList, out)
	}
}

func TestRFC9568_7_1_AnotherIntervalIsToldOfAndCounts(t *testing.T) {
	for form := 1; form < len(checked); form++ {
		c := checked[form]
		r, out := deliver(t, c.router, c.link, c.advert, true, func(rx *Received) { rx.Payload[5] = 50; resum(rx) })
		if got := judge(out, true); got != "heard" || r.stats.IntervalDiffers != 1 || !strings.Contains(out, "advertisement interval mismatch") {
			t.Errorf("%s: %s, counted %d times\n%s", c.name, got, r.stats.IntervalDiffers, out)
		}
	}
}

// RFC 3768 section 7.1, RFC 9568 section 7.1: one line for each kind, however often it comes.
func TestRFC9568_7_1_FailuresAreToldOnce(t *testing.T) {
	script := v3
	for range 5 {
		script += "advert from 192.0.2.2 prio 200 ttl=254\nadvert from 192.0.2.2 prio 200 badsum\nadvert from 192.0.2.2 prio 200 v=2\nrun 10ms\n"
	}
	w := newWorld(t)
	for _, line := range strings.Split(script, "\n") {
		w.line(line)
	}
	for _, text := range []string{"invalid TTL/HL", "Invalid VRRPv3 checksum", "wrong VRRP version"} {
		if n := strings.Count(w.out.String(), "log: (R) "+text); n != 1 {
			t.Errorf("%q is told %d times", text, n)
		}
	}
	if s := &w.e.routers[0].stats; s.Dropped[wire.WrongTTL] != 5 || s.Dropped[wire.BadChecksum] != 5 || s.Dropped[wire.BadVersion] != 5 {
		t.Errorf("counted %d, %d, %d times", s.Dropped[wire.WrongTTL], s.Dropped[wire.BadChecksum], s.Dropped[wire.BadVersion])
	}
}
