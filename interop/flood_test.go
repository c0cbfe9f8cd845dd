package interop

import (
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
	"holdfast.dev/vrrp/wire"
)

// flood is a kind of packets that somebody sends to a master without end. None of them may take its place from it: that
// whoever can send a higher priority can do that lies in the protocol.
type flood struct {
	name     string
	from     string
	priority uint8
	spoil    func(ip []byte) // the last word on the packet; nil for nothing
}

var floods = []flood{
	{"lower-priority", "10.0.0.77", 50, nil},
	{"forged-peer", "10.0.0.2", 50, nil},
	{"forged-self", "10.0.0.1", 255, nil},
	{"bad-checksum", "10.0.0.77", 254, func(ip []byte) { ip[wire.IPv4Len+6] ^= 0x55 }},
	{"bad-version", "10.0.0.77", 254, func(ip []byte) { ip[wire.IPv4Len] = 0x71 }},
	{"bad-ttl", "10.0.0.77", 254, func(ip []byte) { ip[8], ip[10] = 254, ip[10]+1 }},
}

// frame is a whole packet of the flood for a virtual router.
func (f flood) frame(t *testing.T, r lab.Router) []byte {
	t.Helper()
	src, dst := netip.MustParseAddr(f.from), netip.MustParseAddr("224.0.0.18")
	tmpl, err := wire.NewTemplate(wire.Params{
		Version: uint8(r.Version), VRID: r.VRID, Interval: r.Interval, Addrs: r.VR().VIPs, Sum: wire.DefaultForm(uint8(r.Version), false),
	})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := tmpl.Append(nil, f.priority, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	h := wire.IPv4{Protocol: wire.ProtoVRRP, TTL: 255, Src: src, Dst: dst}
	ip, err := wire.AppendIPv4(nil, &h, len(msg))
	if err != nil {
		t.Fatal(err)
	}
	ip = append(ip, msg...)
	if f.spoil != nil {
		f.spoil(ip)
	}
	return append([]byte{1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 77, 8, 0}, ip...)
}

// TestFlood sends each kind at the highest rate that there is, and all of them mixed: the master stays master, it goes on
// advertising, never silent for more than two intervals, and its memory does not grow.
func TestFlood(t *testing.T) {
	p := newPair(t, lab.Keepalived(t), nil)
	pid := p.a.Daemon().VRRPPid()
	before := memory(t, pid)
	var all [][]byte
	for _, f := range floods {
		all = append(all, f.frame(t, p.high))
	}
	const long = 2 * time.Second
	inject := func(name string, frames ...[]byte) {
		from, waited := time.Now(), waits(pid)
		sent := p.a.Inject(long, frames...)
		p.Pass(200 * time.Millisecond)
		gap := silence(p.Lab, p.high.VR(), from, time.Now())
		t.Logf("%-14s %8d packets a second; the longest silence was %v; %d KiB of memory", name,
			sent/int(long/time.Second), gap.Round(time.Millisecond), memory(t, pid))
		if gap > 2*p.high.Interval+lab.Margin/4+longest(waits(pid), waited)+p.Stood(from) {
			t.Errorf("%s: the master was silent for %v", name, gap)
		}
	}
	for i, f := range floods {
		inject(f.name, all[i])
	}
	inject("all", all...)
	p.s.Stay(downLow)
	if after := memory(t, pid); after > memoryLimit {
		t.Errorf("the vrrp role has grown from %d to %d KiB", before, after)
	}
	if now := p.a.Daemon().VRRPPid(); now != pid {
		t.Errorf("the vrrp role was process %d and is %d", pid, now)
	}
}

// silence is the longest time without an advert of a virtual router.
func silence(l *lab.Lab, v lab.VR, from, to time.Time) (longest time.Duration) {
	last := from
	for _, ad := range append(l.Adverts(v, from, to), lab.Advert{At: to}) {
		longest, last = max(longest, ad.At.Sub(last)), ad.At
	}
	return longest
}
