package link

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns/nstest"
)

// TestLinkDown: a port stays good while its link is down, and says why it cannot send.
func TestLinkDown(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	in := lab.b.open(Spec{Link: linkB, Family: 4, Groups: []netip.Addr{families[0].group}})
	out := lab.a.open(Spec{Link: linkA, Family: 4, Groups: []netip.Addr{families[0].group}})
	out6 := lab.a.open(Spec{Link: linkA, Family: 6, Groups: []netip.Addr{families[1].group}})
	lab.a.must(lab.a.SetDown(linkA))
	if err := out.Send(ip("192.0.2.1"), ip("224.0.0.18"), 255, 1, advert(51)); !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("IPv4, link down: %v", err)
	}
	if err := out6.Send(ip("fe80::a"), ip("ff02::12"), 255, 1, advert(51)); err == nil {
		t.Error("IPv6, link down: sent")
	}
	lab.a.must(lab.a.SetUp(linkA))
	var err error
	nstest.Eventually(t, "sending works again", func() bool {
		err = out.Send(ip("192.0.2.1"), ip("224.0.0.18"), 255, 1, advert(51))
		return err == nil
	})
	wait(t, in, NewBatch(1), 1)

	lab.a.must(lab.a.Delete(linkA))
	if err := out.Send(ip("192.0.2.1"), ip("224.0.0.18"), 255, 1, advert(51)); err == nil {
		t.Error("the link is gone, but it sent")
	}
	if n, err := out.Recv(NewBatch(1)); n != 0 || err != nil {
		t.Errorf("the link is gone: %d, %v", n, err)
	}
	nstest.OK(t, out.Close())
}

// TestOpenHearsOnlyItsLink: while a port is being opened, the adverts of another interface pour in; none is taken for its own.
func TestOpenHearsOnlyItsLink(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	lab.wire("flood0", "flood1")
	lab.a.must(lab.a.AddAddr("flood0", "198.51.100.1/24"))
	lab.b.must(lab.b.AddAddr("flood1", "198.51.100.2/24"))
	lab.b.open(Spec{Link: "flood1", Family: 4, Groups: []netip.Addr{families[0].group}})
	flood := lab.a.open(Spec{Link: "flood0", Family: 4})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				flood.Send(ip("198.51.100.1"), ip("198.51.100.2"), 255, 1, advert(66)) // a full queue is no failure here
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	batch := NewBatch(64)
	for range 200 {
		p := lab.b.open(Spec{Link: linkB, Family: 4, Groups: []netip.Addr{families[0].group}})
		n, err := p.Recv(batch)
		if n != 0 || err != nil {
			t.Fatalf("heard %d packets of another interface, %v", n, err)
		}
		p.Close()
	}
}

// TestManyPorts: one port per interface and family on 16 interfaces, each hears its own link only.
func TestManyPorts(t *testing.T) {
	t.Parallel()
	lab := &pair{newHost(t), newHost(t)}
	const links = 16
	type end struct{ in, out *Port }
	var ends []end
	batch := NewBatch(64)
	for i := range links {
		nameA, nameB := "a"+string(rune('a'+i)), "b"+string(rune('a'+i))
		lab.wire(nameA, nameB)
		lab.a.must(lab.a.AddAddr(nameA, "fe80::a/64"))
		lab.a.must(lab.a.AddAddr(nameA, "192.0.2.1/24"))
		lab.b.must(lab.b.AddAddr(nameB, "fe80::b/64"))
		for _, f := range families {
			s := Spec{Family: f.family, Groups: []netip.Addr{f.group}, RcvBuf: RcvBufFor(250)}
			s.Link = nameB
			in := lab.b.open(s)
			s.Link = nameA
			ends = append(ends, end{in, lab.a.open(s)})
		}
	}
	for i, e := range ends {
		f := families[i%2]
		for range 3 {
			send(t, e.out, f.a, f.group, 255, advert(uint8(i+1)))
		}
	}
	for i, e := range ends {
		for _, d := range wait(t, e.in, batch, 3) {
			if d.Payload[1] != uint8(i+1) {
				t.Errorf("port %s heard %+v", e.in.Name(), d)
			}
		}
		if n, _ := e.in.Recv(batch); n != 0 {
			t.Errorf("port %s heard %d more", e.in.Name(), n)
		}
	}
}

// TestMembershipLimit: more groups than one socket may join are joined by others, and heard all the same.
func TestMembershipLimit(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	lab.b.must(lab.b.SetSysctl("net/ipv4/igmp_max_memberships", "2"))
	groups := []netip.Addr{ip("224.0.0.18"), ip("224.0.0.19"), ip("224.0.0.20"), ip("224.0.0.21"), ip("224.0.0.22")}
	in, out := lab.b.open(Spec{Link: linkB, Family: 4, Groups: groups[:3]}), lab.a.open(Spec{Link: linkA, Family: 4})
	batch := NewBatch(8)
	for range 2 { // joining twice is no error
		lab.b.do(func() { lab.b.must(errors.Join(in.Join(groups[3]), in.Join(groups[4]))) })
	}
	for i, g := range groups {
		send(t, out, ip("192.0.2.1"), g, 255, advert(uint8(i+1)))
		if d := wait(t, in, batch, 1)[0]; d.Dst != g || d.Payload[1] != uint8(i+1) {
			t.Errorf("%s: heard %+v", g, d)
		}
	}
	for range 2 {
		nstest.OK(t, errors.Join(in.Leave(groups[4]), in.Leave(groups[0])))
	}
	for _, i := range []int{4, 0, 2} {
		send(t, out, ip("192.0.2.1"), groups[i], 255, advert(uint8(i+1)))
	}
	if d := wait(t, in, batch, 1)[0]; d.Dst != groups[2] {
		t.Errorf("heard %+v after leaving", d)
	}
}

// TestOpenErrors: what cannot be is refused in words, and leaves no descriptor behind.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for want, s := range map[string]Spec{
		"family 5":                         {Link: "lo", Family: 5},
		"neither an interface":             {Family: 4},
		"both an interface":                {Link: "lo", Family: 4, Local: ip("192.0.2.1")},
		"need an interface":                {Family: 4, Local: ip("192.0.2.1"), Groups: []netip.Addr{ip("224.0.0.18")}},
		"not an IPv4 source":               {Family: 4, Local: ip("::1")},
		"not an IPv6 source":               {Family: 6, Local: ip("::ffff:192.0.2.1")},
		"link-local":                       {Family: 6, Local: ip("fe80::1")},
		"not an IPv4 multicast":            {Link: "lo", Family: 4, Groups: []netip.Addr{ip("192.0.2.1")}},
		"not an IPv6 multicast":            {Link: "lo", Family: 6, Groups: []netip.Addr{ip("224.0.0.18")}},
		"index without an interface":       {Family: 4, Index: 1, Local: ip("192.0.2.1")},
		"index -1":                         {Link: "lo", Index: -1, Family: 4},
		"receive buffer of -1":             {Link: "lo", Family: 4, RcvBuf: -1},
		"nosuch0 (IPv4): find":             {Link: "nosuch0", Family: 4},
		"no such device":                   {Link: "gone", Index: 4711, Family: 6},
		"averyveryverylongname: no such":   {Link: "averyveryverylongname", Family: 4},
		`name "averyveryverylong": no suc`: {Link: "averyveryverylong", Index: 1, Family: 4},
	} {
		h.do(func() {
			p, err := Open(s)
			switch {
			case err == nil:
				p.Close()
				t.Errorf("%+v was opened", s)
			case !strings.Contains(strings.ReplaceAll(err.Error(), `"averyveryverylongname"`, "averyveryverylongname"), want):
				t.Errorf("%+v: %v, want %q", s, err, want)
			}
		})
	}
}

// TestSendErrors and use after Close.
func TestSendErrors(t *testing.T) {
	t.Parallel()
	lab := newPair(t)
	p4 := lab.a.open(Spec{Link: linkA, Family: 4})
	p6 := lab.a.open(Spec{Link: linkA, Family: 6})
	a4, a6 := families[0].a, families[1].a
	for i, c := range []struct {
		p        *Port
		src, dst netip.Addr
		payload  []byte
		want     unix.Errno
	}{
		{p4, a6, families[0].group, advert(1), unix.EAFNOSUPPORT},
		{p4, a4, families[1].group, advert(1), unix.EAFNOSUPPORT},
		{p4, netip.Addr{}, netip.Addr{}, advert(1), unix.EAFNOSUPPORT},
		{p6, ip("::ffff:192.0.2.1"), families[1].group, advert(1), unix.EAFNOSUPPORT},
		{p4, a4, families[0].group, make([]byte, 1481), unix.EMSGSIZE}, // above the MTU
		{p4, a4, families[0].group, make([]byte, bufSize), unix.EMSGSIZE},
		{p6, a6, families[1].group, nil, unix.EMSGSIZE},
		{p4, a4, ip("203.0.113.1"), advert(1), unix.ENETUNREACH},
	} {
		if c.p == p4 && c.want == unix.ENETUNREACH {
			c.p = lab.a.open(Spec{Local: a4, Family: 4})
		}
		if err := c.p.Send(c.src, c.dst, 255, 1, c.payload); !errors.Is(err, c.want) {
			t.Errorf("case %d: %v, want %v", i, err, c.want)
		}
	}
	for _, p := range []*Port{p4, p6} {
		nstest.OK(t, p.Close())
		nstest.OK(t, p.Close())
		if p.FD() != -1 {
			t.Error("a closed port has a descriptor")
		}
	}
	if err := p4.Send(a4, families[0].group, 255, 1, advert(1)); !errors.Is(err, unix.EBADF) {
		t.Errorf("Send after Close: %v", err)
	}
	if _, err := p6.Recv(NewBatch(1)); !errors.Is(err, unix.EBADF) {
		t.Errorf("Recv after Close: %v", err)
	}
	if err := p6.Join(families[1].group); !errors.Is(err, unix.EBADF) {
		t.Errorf("Join after Close: %v", err)
	}
	if n := p4.Dropped(); n != 0 {
		t.Errorf("Dropped after Close: %d", n)
	}
}
