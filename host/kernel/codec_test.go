package kernel

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

var compare = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestOpRoundTrip(t *testing.T) {
	ip := netip.MustParsePrefix
	ops := []host.Op{
		{Index: 3, Proto: 18, Valid: host.Forever, Address: host.Address{Key: host.Key{Prefix: ip("10.0.0.3/24")}, Preferred: host.Forever}},
		{Index: 3, Proto: 18, Valid: host.Forever, Address: host.Address{
			Key: host.Key{Prefix: ip("10.0.0.3/32")}, Peer: ip("10.0.0.4/32"), Broadcast: netip.MustParseAddr("10.0.0.255"),
			Label: "eth0:17", Scope: 253, Flags: host.FlagNoPrefixRoute, Preferred: host.Forever,
		}},
		{Index: 70000, Valid: 3600, Metric: 77, Address: host.Address{
			Key: host.Key{Prefix: ip("fd00::3/64")}, Flags: host.FlagNoDAD, Preferred: 1800,
		}},
		{Index: 1, Valid: host.Forever, Proto: 18, Address: host.Address{
			Key: host.Key{Prefix: ip("fd00::3/128")}, Peer: ip("fd00::4/128"), Flags: host.FlagNoDAD | host.FlagMCAutoJoin,
		}},
	}
	for _, op := range ops {
		b := appendOp(nil, &op, 9)
		m, rest, ok := next(b)
		if !ok || len(rest) != 0 || len(b)%4 != 0 || m.seq != 9 || m.typ != unix.RTM_NEWADDR {
			t.Fatalf("%v: %+v, %d octets left", op, m, len(rest))
		}
		ev, ok := decode(m)
		if !ok {
			t.Fatalf("%v does not decode", op)
		}
		a := op.Address
		want := host.LinkAddr{
			Prefix: a.Prefix, Peer: a.Peer, Flags: a.Flags, Scope: a.Scope, Proto: op.Proto, Broadcast: a.Broadcast, Label: a.Label,
			Preferred: a.Preferred, Valid: op.Valid, Metric: op.Metric,
		}
		if ev.Index != op.Index || ev.Addr != want {
			t.Errorf("%v came back as %+v", op, ev.Addr)
		}
	}
}

func TestOpFlags(t *testing.T) {
	a := host.Address{Key: host.Key{Prefix: netip.MustParsePrefix("10.0.0.3/24")}}
	for _, c := range []struct {
		op    host.Op
		typ   uint16
		flags uint16
	}{
		{host.Op{Address: a}, unix.RTM_NEWADDR, unix.NLM_F_CREATE | unix.NLM_F_EXCL},
		{host.Op{Address: a, Replace: true}, unix.RTM_NEWADDR, unix.NLM_F_CREATE | unix.NLM_F_REPLACE},
		{host.Op{Address: a, Delete: true}, unix.RTM_DELADDR, 0},
	} {
		m, _, _ := next(appendOp(nil, &c.op, 1))
		if m.typ != c.typ || m.flags != c.flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK {
			t.Errorf("%v: type %d, flags %#x", c.op, m.typ, m.flags)
		}
	}
}

// event lays out a message as the kernel would send it.
func event(typ uint16, body []byte, list ...[]byte) []byte {
	b, at := begin(nil, typ, 0, 0)
	b = append(b, body...)
	for _, a := range list {
		b = append(b, a...)
	}
	return end(b, at)
}

func attr(typ uint16, val ...byte) []byte { return appendAttr(nil, typ, val) }

func TestDecodeLink(t *testing.T) {
	body := []byte{0, 0, 1, 0, 7, 0, 0, 0, 0x43, 0x10, 0, 0, 0, 0, 0, 0} // UP, BROADCAST, RUNNING, MULTICAST
	name, mac := attr(unix.IFLA_IFNAME, 'e', 't', 'h', '0', 0), attr(unix.IFLA_ADDRESS, 2, 0, 0, 0, 0, 9)
	mtu := appendAttr32(nil, unix.IFLA_MTU, 1500)
	m, _, _ := next(event(unix.RTM_NEWLINK, body, name, mac, mtu))
	ev, ok := decode(m)
	want := host.Event{Kind: host.LinkNew, Index: 7, Link: host.Link{
		Name: "eth0", Index: 7, Type: 1, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, 9},
	}}
	if diff := cmp.Diff(want, ev, compare, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); !ok || diff != "" {
		t.Errorf("ok %v (-want +got):\n%s", ok, diff)
	}
	bridge := append([]byte{unix.AF_BRIDGE}, body[1:]...)
	m, _, _ = next(event(unix.RTM_DELLINK, bridge, name))
	if _, ok := decode(m); ok {
		t.Error("a port that leaves a bridge counts as a link that is gone")
	}
	m, _, _ = next(event(unix.RTM_NEWLINK, body))
	if _, ok := decode(m); ok {
		t.Error("a link without a name is taken")
	}
}

func TestDecodeNetconf(t *testing.T) {
	for _, c := range []struct {
		family byte
		index  uint32
		ok     bool
	}{{unix.AF_INET6, 5, true}, {unix.AF_INET, 5, false}, {unix.AF_INET6, ^uint32(0), false}, {unix.AF_INET6, ^uint32(1), false}} {
		b := event(unix.RTM_NEWNETCONF, []byte{c.family, 0, 0, 0}, appendAttr32(nil, netconfIndex, c.index),
			appendAttr32(nil, netconfForwarding, 1))
		m, _, _ := next(b)
		ev, ok := decode(m)
		if ok != c.ok || (ok && (ev.Index != 5 || !ev.Forward)) {
			t.Errorf("%+v: %v %+v", c, ok, ev)
		}
	}
}

func TestVerdict(t *testing.T) {
	failure := native.AppendUint32(nil, uint32(0xffffffff-21)) // -EINVAL
	header := make([]byte, headerLen)
	native.PutUint32(header, headerLen+8)
	words := attr(unix.NLMSGERR_ATTR_MSG, append([]byte("ipv4: Invalid scope value"), 0)...)
	for _, c := range []struct {
		name  string
		flags uint16
		body  [][]byte
		want  string
	}{
		{"success", 0, [][]byte{make([]byte, 4), header}, ""},
		{"plain", 0, [][]byte{failure, header, make([]byte, 8)}, "invalid argument"},
		{"capped", unix.NLM_F_CAPPED | unix.NLM_F_ACK_TLVS, [][]byte{failure, header, words}, "invalid argument: ipv4: Invalid scope value"},
		{"whole", unix.NLM_F_ACK_TLVS, [][]byte{failure, header, make([]byte, 8), words}, "invalid argument: ipv4: Invalid scope value"},
		{"short", unix.NLM_F_ACK_TLVS, [][]byte{failure}, "invalid argument"},
		{"nothing", 0, nil, ""},
	} {
		var body []byte
		for _, b := range c.body {
			body = append(body, b...)
		}
		got := ""
		if r := verdict(message{typ: unix.NLMSG_ERROR, flags: c.flags, body: body}); r != nil {
			got = r.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestResult(t *testing.T) {
	add, del := &host.Op{}, &host.Op{Delete: true}
	for _, c := range []struct {
		op    *host.Op
		errno unix.Errno
		want  host.Outcome
	}{
		{add, 0, host.Done},
		{add, unix.EEXIST, host.Exists},
		{del, unix.EADDRNOTAVAIL, host.NotThere},
		{add, unix.ENODEV, host.NoLink},
		{add, unix.EADDRNOTAVAIL, host.Refused},
		{add, unix.EPERM, host.Refused},
		{del, unix.EEXIST, host.Refused},
	} {
		var r *refusal
		if c.errno != 0 {
			r = &refusal{errno: c.errno}
		}
		if got := result(c.op, r); got.Outcome != c.want {
			t.Errorf("%v: %v, want %v", c.errno, got.Outcome, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	op := host.Op{Index: 1, Valid: 7, Address: host.Address{Key: host.Key{Prefix: netip.MustParsePrefix("fd00::3/64")}}}
	f.Add(appendOp(nil, &op, 1))
	f.Add(event(unix.RTM_NEWLINK, make([]byte, 16), attr(unix.IFLA_IFNAME, 'a', 0), attr(unix.IFLA_MTU, 1)))
	f.Add(event(unix.NLMSG_ERROR, make([]byte, 24), attr(1, 'x')))
	f.Fuzz(func(t *testing.T, b []byte) {
		for m, rest, ok := next(b); ok; m, rest, ok = next(rest) {
			if len(rest) >= len(b) {
				t.Fatal("no progress")
			}
			b = rest
			if ev, ok := decode(m); ok && (ev.Kind == host.AddrNew || ev.Kind == host.AddrDel) && !ev.Addr.Prefix.IsValid() {
				t.Fatalf("an address that is none: %+v", ev)
			}
			if r := verdict(m); r != nil {
				_ = r.Error()
			}
		}
	})
}
