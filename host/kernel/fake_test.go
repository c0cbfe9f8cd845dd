package kernel

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

// TestPretendedKernelBehavesAsThisOne gives the same operations to this kernel and to hosttest's, and compares answers,
// order, flags and events. The simulator is worth as much as that.
func TestPretendedKernelBehavesAsThisOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		a, b := nstest.New(t), nstest.New(t)
		nstest.OK(t, a.AddVeth("eth0", b, "eth0"))
		nstest.OK(t, b.SetUp("eth0"))
		nstest.OK(t, a.SetSysctl("net/ipv6/conf/eth0/addr_gen_mode", "1")) // no link-local address of its own
		d := &twins{t: t, n: a, fake: &hosttest.Kernel{}, rnd: rand.New(rand.NewPCG(seed, 1))}
		d.fake.AddLink("eth0", false)
		d.up(true)
		nstest.Do(t, a, func() {
			var err error
			d.m, err = newMachine(Config{})
			nstest.OK(t, err)
		})
		t.Cleanup(func() { nstest.OK(t, d.m.close()) })
		d.run()
	}
}

type twins struct {
	t    *testing.T
	n    *netns.NS
	m    *machine
	fake *hosttest.Kernel
	rnd  *rand.Rand
	log  []string
}

func (d *twins) up(up bool) {
	d.fake.SetUp("eth0", up)
	if up {
		nstest.OK(d.t, d.n.SetUp("eth0"))
	} else {
		nstest.OK(d.t, d.n.SetDown("eth0"))
	}
}

func (d *twins) run() {
	index, err := d.n.Index("eth0")
	nstest.OK(d.t, err)
	d.compare(index)
	for range 60 {
		switch d.rnd.IntN(12) {
		case 0:
			up := d.rnd.IntN(2) == 0
			d.log = append(d.log, fmt.Sprint("up ", up))
			d.up(up)
		case 1:
			on := d.rnd.IntN(2)
			d.log = append(d.log, fmt.Sprint("promote ", on))
			d.fake.SetPromote("eth0", on == 1)
			nstest.OK(d.t, d.n.SetSysctl("net/ipv4/conf/eth0/promote_secondaries", fmt.Sprint(on)))
		default:
			d.operate(index)
		}
		d.compare(index)
		if d.t.Failed() {
			d.t.Fatalf("after:\n%s", strings.Join(d.log, "\n"))
		}
	}
}

func (d *twins) operate(index int) {
	pool := []string{
		"10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24", "10.0.0.3/32", "10.0.1.1/24", "10.0.0.1/16", "10.0.0.2/16",
		"fd00::1/64", "fd00::1/128", "fd00::2/64", "fe80::1/64", "fe80::2/64",
	}
	var ops []host.Op
	for range 1 + d.rnd.IntN(4) {
		op := host.Op{
			Index: index, Delete: d.rnd.IntN(3) == 0, Proto: host.ProtoMark, Valid: host.Forever,
			Address: addr(pool[d.rnd.IntN(len(pool))]),
		}
		if d.rnd.IntN(6) == 0 && op.Address.Prefix.Bits() == 32 {
			op.Address.Peer = netip.MustParsePrefix("10.0.9.9/32")
		}
		if d.rnd.IntN(8) == 0 && !op.Delete {
			op.Address.Scope = unix.RT_SCOPE_LINK
		}
		ops = append(ops, op)
	}
	real := d.m.Apply(ops, nil)
	for i := range ops {
		ops[i].Index = 1
	}
	for i, res := range d.fake.Apply(ops, nil) {
		d.log = append(d.log, fmt.Sprintf("%v scope %d peer %v: %v", ops[i], ops[i].Address.Scope, ops[i].Address.Peer, real[i]))
		if res != real[i] {
			d.t.Errorf("%v: this kernel says %+v, the other %+v", ops[i], real[i], res)
		}
	}
}

func (d *twins) compare(index int) {
	here4, here6 := tellings(d.m)
	if there4, there6 := tellings(d.fake); here4 != there4 || here6 != there6 {
		d.t.Errorf("events of this kernel: %s %s\nof the other:          %s %s", here4, here6, there4, there6)
	}
	links, err := d.m.Snapshot()
	nstest.OK(d.t, err)
	var here string
	for _, l := range links {
		if l.Index == index {
			here = describe(l)
		}
	}
	pretended, _ := d.fake.Snapshot()
	if there := describe(pretended[0]); here != there {
		d.t.Errorf("this kernel: %s\nthe other:   %s", here, there)
	}
}

func describe(l host.Link) string {
	s := fmt.Sprintf("%s up=%v:", l.Name, l.Up) // the carrier comes when the kernel gets to it
	for _, a := range l.Addrs {
		s += describeAddr(a)
	}
	return s
}

func describeAddr(a host.LinkAddr) string {
	if a.Prefix.Addr().Is6() {
		a.Scope = 0 // the kernel works it out by itself
	}
	return fmt.Sprintf(" %s peer=%v secondary=%v scope=%d proto=%d", a.Prefix, a.Peer, a.Flags&host.FlagSecondary != 0, a.Scope, a.Proto)
}

// tellings are the events about addresses, in order. IPv4 and IPv6 ones may come in either.
func tellings(k host.Kernel) (four, six string) {
	events, _ := k.Poll(nil)
	for _, ev := range events {
		sign := "+"
		switch ev.Kind {
		case host.AddrNew:
		case host.AddrDel:
			sign = "-"
		default:
			continue
		}
		if s := sign + describeAddr(ev.Addr); ev.Addr.Prefix.Addr().Is4() {
			four += s
		} else if sign == "-" { // that of an IPv6 address which was added comes a little later
			six += s
		}
	}
	return four, six
}
