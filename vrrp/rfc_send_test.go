package vrrp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/vrrp/wire"
)

// What is sent: RFC 3768 sections 5 and 7.2, RFC 9568 sections 5 and 7.2. The fields are read by the octet, not by our own codec.

// sends runs a router through a take-over and a stop, and returns copies of what it sent.
func sends(t *testing.T, lines ...string) (all []Send) {
	t.Helper()
	w := newWorld(t)
	w.sent = func(s *Send) {
		c := *s
		c.Payload = slices.Clone(s.Payload)
		all = append(all, c)
	}
	for _, line := range append(lines, "start", "at 6s", "stop") {
		w.line(line)
	}
	if len(all) < 3 {
		t.Fatalf("%d adverts", len(all))
	}
	return all
}

func TestRFC9568_7_2_Fields(t *testing.T) { // and RFC 3768 section 7.2
	for _, c := range checked {
		all := sends(t, c.router, c.link)
		for i := range all {
			s := &all[i]
			priority := byte(100)
			if i == len(all)-1 {
				priority = 0 // it leaves
			}
			if wrong := misfilled(s, priority); wrong != "" {
				t.Errorf("%s, advert %d, %x: %s", c.name, i, s.Payload, wrong)
			}
		}
	}
}

// misfilled says which field of the advert of a router of checked is wrong.
func misfilled(s *Send, priority byte) string {
	p, six := s.Payload, s.Src.Is6()
	version, size, count, length := p[0]>>4, 4, 1, 12
	src, dst := netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("224.0.0.18")
	if version == 2 {
		length += 8
	}
	if six {
		src, dst, size, count, length = netip.MustParseAddr("fe80::5"), netip.MustParseAddr("ff02::12"), 16, 2, 40
	}
	first, _ := netip.AddrFromSlice(p[8 : 8+size])
	sum := binary.BigEndian.Uint16(p[6:])
	rx := &Received{Src: s.Src, Dst: s.Dst, Payload: slices.Clone(p)}
	resum(rx)
	switch {
	case s.Src != src:
		return "not from its primary address"
	case s.Dst != dst:
		return "not to the group"
	case s.TTL != 255:
		return "the TTL is not 255"
	case p[0]&0xf != 1:
		return "not an advertisement"
	case p[1] != 51 || p[2] != priority:
		return "VRID or priority"
	case len(p) != length || int(p[3]) != count:
		return "not that many addresses"
	case version == 2 && (p[4] != 0 || p[5] != 1):
		return "authentication type, or not every 1 s"
	case version == 3 && (p[4] != 0 || p[5] != 100):
		return "the reserved bits are not zero, or not every 100 cs"
	case first != netip.MustParseAddr(map[bool]string{false: "192.0.2.100", true: "fe80::100"}[six]):
		return "another address"
	case version == 2 && !slices.Equal(p[12:], make([]byte, 8)):
		return "authentication data without authentication"
	case six && sum != 0: // the kernel fills it in
		return "a checksum that is the kernel's to fill in"
	case !six && sum != binary.BigEndian.Uint16(rx.Payload[6:]):
		return "the checksum"
	}
	return ""
}

// RFC 2338 section 5.3.10: eight octets, filled up with zeros.
func TestRFC2338_5_3_10_Password(t *testing.T) {
	for _, s := range sends(t, "router R prio=100 pass=secret", "link eth0 192.0.2.5/24") {
		if s.Payload[4] != 1 || string(s.Payload[12:]) != "secret\x00\x00" {
			t.Errorf("%x", s.Payload)
		}
	}
}

// RFC 9568 section 5.2.7: twelve bits of centiseconds.
func TestRFC9568_5_2_7_Interval(t *testing.T) {
	for text, want := range map[string]uint16{"10ms": 1, "500ms": 50, "1s": 100, "40.95s": 4095} {
		w := newWorld(t)
		var got []uint16
		w.sent = func(s *Send) { got = append(got, binary.BigEndian.Uint16(s.Payload[4:])) }
		for _, line := range []string{"router R v=3 int=" + text, "link eth0 192.0.2.5/24", "start", "run 150s"} {
			w.line(line)
		}
		if len(got) == 0 || got[0] != want {
			t.Errorf("%s is sent as %v", text, got)
		}
	}
}

// RFC 9568 sections 1.7, 5.1.1.1, 5.1.2.1; RFC 3768 section 5.2.1. A second address changes nothing, and of IPv6 only a link-local one will do.
func TestRFC9568_1_7_SourceIsThePrimaryAddress(t *testing.T) {
	for _, c := range []struct{ router, first, more, want, other string }{
		{"router R prio=100", "192.0.2.5/24 192.0.2.4/24", "192.0.2.3/24 192.0.2.9/24", "192.0.2.5", "192.0.2.4/24"},
		{"router R v=3 prio=100 addr=fe80::100/64", "2001:db8::5/64 fe80::5/64 fe80::4/64", "fe80::3/64 2001:db8::9/64", "fe80::5", "fe80::4/64"},
	} {
		var all []netip.Addr
		w := newWorld(t)
		w.sent = func(s *Send) { all = append(all, s.Src) }
		for _, line := range []string{c.router, "link eth0 " + c.first, "start", "at 5s", "link eth0 " + c.more, "run 3s"} {
			w.line(line)
		}
		if len(all) < 4 {
			t.Fatalf("%d adverts", len(all))
		}
		for _, a := range all {
			if a.String() != c.want {
				t.Errorf("%s: sent from %v, not from %s", c.router, a, c.want)
			}
		}
		// When the first one goes the next takes its place.
		w.line("link eth0 noaddr")
		w.line("link eth0 " + c.other)
		all = nil
		if w.line("run 10s"); len(all) == 0 || !strings.HasPrefix(c.other, all[len(all)-1].String()+"/") {
			t.Errorf("%s: then sent from %v", c.router, all)
		}
	}
}

// RFC 3768 section 2.1: two virtual routers on one link, each router the better one of one of them.
func TestRFC3768_2_1_EachBacksUpTheOther(t *testing.T) {
	for _, version := range []uint8{2, 3} {
		l := newLAN(100 * time.Microsecond)
		for i, prio := range [][2]uint8{{200, 100}, {100, 200}} {
			c := &Config{Restore: true}
			for k := range 2 {
				s := spec(fmt.Sprintf("R%d", k), uint8(51+k), prio[k])
				s.Version, s.Accept = version, wire.FormPlain|wire.FormPseudo
				c.Routers = append(c.Routers, s)
			}
			l.join(i + 1).round(&Configure{Config: c})
		}
		l.run(epoch.Mono.Add(20 * time.Second))
		for k, want := range l.nodes {
			if n, who := l.masters(uint8(51 + k)); n != 1 || who != want {
				t.Errorf("version %d, VRID %d: %d masters", version, 51+k, n)
			}
		}
	}
}

// RFC 9568 section 1.6: with one VRID on one link, IPv4 and IPv6 are two virtual routers.
func TestRFC9568_1_6_FamiliesAreApart(t *testing.T) {
	follow(t, "router A v=3 prio=100\nrouter B v=3 prio=100 addr=fe80::100/64\nlink eth0 192.0.2.5/24 fe80::5/64\nstart\n"+
		"at 2s advert to A from 192.0.2.9 prio 200\nat 4.5s advert to A from 192.0.2.9 prio 200\nrun 3s",
		"3.609  B BACKUP -> MASTER", "B wants fe80::100/64@eth0", "announce fe80::100@2", "never A BACKUP -> MASTER")
}

func TestRFC9568_6_4_1_OwnerBeginsAsActive(t *testing.T) {
	follow(t, "router R v=3 prio=255 master\nlink eth0 192.0.2.5/24\nstart\nrun 1s",
		"0.000  R advert 1", "R BACKUP -> MASTER", "R wants 192.0.2.100/32@eth0", "announce 192.0.2.100@2", "1.000  R advert 2", "never notify INSTANCE R BACKUP")
	follow(t, "router R v=3 prio=255 master addr=fe80::100/64\nlink eth0 fe80::5/64\nlink eth0 forward\nstart\nrun 1s",
		"0.000  R advert 1", "R BACKUP -> MASTER", "R wants fe80::100/64@eth0", "announce fe80::100@2 router", "1.000  R advert 2")
}

func TestRFC9568_6_4_1_OthersBeginAsBackup(t *testing.T) {
	follow(t, "router R v=3 prio=254 master\nlink eth0 192.0.2.5/24\nstart\nrun 4s", "0.000  R INIT -> BACKUP", "3.008  R BACKUP -> MASTER")
}

func TestRFC9568_6_4_2_Shutdown(t *testing.T) {
	follow(t, v3+"run 1s\nstop\nrun 10s", "1.000  R BACKUP -> INIT: stop", "never advert", "never MASTER")
}

func TestRFC9568_6_4_2_HigherOrEqualRestartsTheTimerAndTeaches(t *testing.T) {
	for _, prio := range []string{"100", "101", "255"} {
		follow(t, v3+"at 3s advert from 192.0.2.2 prio "+prio+" int=500ms\nrun 5s", "updated from 1000ms to 500ms", "4.805  R BACKUP -> MASTER")
	}
	follow(t, "router R v=3 prio=100 nopreempt\nlink eth0 192.0.2.5/24\nstart\nat 3s advert from 192.0.2.2 prio 1 int=500ms\nrun 5s", "4.805  R BACKUP -> MASTER")
}

func TestRFC9568_6_4_3_AdverTimerFires(t *testing.T) {
	follow(t, "router R v=3 prio=100 int=250ms\nlink eth0 192.0.2.5/24\nstart\nrun 2s",
		"0.902  R advert 1", "1.152  R advert 2", "1.402  R advert 3", "1.652  R advert 4", "1.902  R advert 5", "never R advert 6")
}

func TestRFC9568_6_4_3_PriorityZero(t *testing.T) {
	follow(t, v3+"at 4.2s advert from 192.0.2.2 prio 0\nrun 2s", "4.200  R advert 2", "5.200  R advert 3", "never R MASTER ->")
}

func TestRFC9568_6_4_3_EqualPriority(t *testing.T) {
	// Unsigned, in the order of the network: 192 is more than 10, and 9 is less.
	follow(t, v3+"at 4s advert from 192.0.2.6 prio 100\nrun 100ms", "4.000  R MASTER -> BACKUP")
	follow(t, v3+"at 4s advert from 192.0.2.4 prio 100\nrun 100ms", "4.000  R advert 2", "never R MASTER ->")
	follow(t, v3+"at 4s advert from 9.255.255.255 prio 100\nrun 100ms", "4.000  R advert 2", "never R MASTER ->")
	six := "router R v=3 prio=100 addr=fe80::100/64\nlink eth0 fe80::5/64\nstart\n"
	for from, yields := range map[string]bool{"fe80::6": true, "fe80::4": false, "fe80:0:0:0:8000::": true, "fe80::1:0": true} {
		want := []string{"4.000  R MASTER -> BACKUP"}
		if !yields {
			want = []string{"4.000  R advert 2", "never R MASTER ->"}
		}
		w := newWorld(t)
		for _, line := range strings.Split(six+"at 4s", "\n") {
			w.line(line)
		}
		rx := w.advert(strings.Fields("from " + from + " prio 100"))
		resum(rx)
		for _, ev := range []Event{&AdvertsDue{}, rx, &Wakeup{}} {
			w.step(ev)
		}
		if got := w.out.String(); strings.Contains(got, "4.000  R MASTER -> BACKUP") != yields || !yields && !strings.Contains(got, want[0]) {
			t.Errorf("%s: %v\n%s", from, yields, got)
		}
	}
}

// RFC 9568 section 6.1, erratum 8301; RFC 3768 section 6.1.
func TestRFC9568_6_1_IntervalRange(t *testing.T) {
	for _, c := range []struct {
		version  uint8
		interval time.Duration
		ok       bool
	}{
		{2, 0, false},
		{2, time.Second, true},
		{2, 255 * time.Second, true},
		{2, 256 * time.Second, false},
		{3, 0, false},
		{3, 10 * time.Millisecond, true},
		{3, 40950 * time.Millisecond, true},
		{3, 40960 * time.Millisecond, false},
	} {
		s := spec("R", 51, 100)
		s.Version, s.Interval, s.Sum = c.version, c.interval, wire.DefaultForm(c.version, false)
		if _, err := wire.NewTemplate(s.params()); (err == nil) != c.ok {
			t.Errorf("version %d, %v: %v", c.version, c.interval, err)
		}
	}
}

// RFC 4861 section 4.4: R says whether the sender forwards.
func TestRFC4861_4_4_RouterFlag(t *testing.T) {
	six := "router R v=3 prio=255 master addr=fe80::100/64\nlink eth0 fe80::5/64\n"
	follow(t, six+"start\nrun 1s", "announce fe80::100@2", "never router")
	follow(t, six+"link eth0 forward\nstart\nrun 1s", "announce fe80::100@2 router")
}

// RFC 4861 section 7.2.6: with vrrp_gna_interval, unsolicited advertisements are that far apart; by default they are not.
func TestRFC4861_7_2_6_Gap(t *testing.T) {
	six := "router R v=3 prio=255 master repeat=2 addr=fe80::100/64,fe80::101/64\nlink eth0 fe80::5/64\nstart\nrun 5s"
	follow(t, "config na=1s\n"+six, "0.000  announce fe80::100@2\n", "1.000  announce fe80::101@2\n", "2.000  announce fe80::100@2\n", "3.000  announce fe80::101@2\n")
	follow(t, six, "0.000  announce fe80::100@2, fe80::101@2, fe80::100@2, fe80::101@2\n")
}
