package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// TestThousandsAreAnnounced: a burst for 5,000 addresses, with and without a gap, is complete, round by round and in slices, and holds back no
// advert.
func TestThousandsAreAnnounced(t *testing.T) {
	for _, gap := range []time.Duration{0, 200 * time.Microsecond} {
		t.Run(fmt.Sprint("gap ", gap), func(t *testing.T) { announceThousands(t, gap) })
	}
}

func announceThousands(t *testing.T, gap time.Duration) {
	const many = 5000
	s := spec("VI_1", 51, 200)
	s.Addresses = nil
	for i := range many {
		key := host.Key{Link: "eth0", Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 7, byte(i >> 8), byte(i)}), 32)}
		s.Addresses = append(s.Addresses, Address{Address: host.Address{Key: key}, Excluded: i > 0})
	}
	fast := spec("VI_2", 52, 200)
	fast.Interval = 10 * time.Millisecond
	fast.Version, fast.Accept = 3, 0
	e := New(clock.Now{})
	link := host.Link{Name: "eth0", Index: 2, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2}}
	link.Addrs = []host.LinkAddr{{Prefix: netip.MustParsePrefix("10.0.0.1/24")}}
	e.Step(clock.Now{}, &LinkChanged{link})
	e.Step(clock.Now{}, &Configure{Config: &Config{Routers: []Spec{s, fast}, GarpInterval: gap}})
	times := map[netip.Addr]int{}
	last := map[host.Owner]clock.Instant{}
	run(e, clock.Now{}, clock.Now{}.Add(20*time.Second), func(now clock.Now, a Action) {
		switch a := a.(type) {
		case *Announce:
			if len(a.Items) > SlicePackets {
				t.Fatalf("%d announcements at once", len(a.Items))
			}
			for _, it := range a.Items {
				if !it.Addr.Is4() || it.Addr.As4()[0] != 10 {
					continue // the other router's
				}
				if times[it.Addr]++; times[it.Addr] > 1 && len(times) < many {
					t.Fatalf("%v twice, and only %d addresses once", it.Addr, len(times))
				}
			}
		case *Send:
			interval := map[bool]time.Duration{true: fast.Interval, false: s.Interval}[a.Payload[1] == fast.VRID]
			if was := last[a.Owner]; was != 0 && now.Mono.Sub(was) > interval {
				t.Fatalf("no advert of %d for %v", a.Owner, now.Mono.Sub(was))
			}
			last[a.Owner] = now.Mono
		}
	})
	for addr, n := range times {
		switch {
		case gap == 0 && n != 2*s.Garp.Repeat: // at once, and after garp_master_delay
			t.Fatalf("%v was announced %d times", addr, n)
		case n < s.Garp.Repeat: // the first burst is not over then, and goes on instead
			t.Fatalf("%v was announced %d times", addr, n)
		}
	}
	if len(times) != many {
		t.Errorf("%d addresses were announced, want %d", len(times), many)
	}
}
