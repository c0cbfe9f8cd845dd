package node

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link/poll"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// TestLinkBook: the lines of keepalived 2.2.7, as it wrote them in the same situations.
func TestLinkBook(t *testing.T) {
	var said []string
	b := newLinkBook(func(detail int, text string) { said = append(said, fmt.Sprintf("%d %s", detail, text)) })
	u := linksOf(load(t, `vrrp_instance A {
	interface eth0
	virtual_router_id 51
	virtual_ipaddress { 192.0.2.100/24 }
}`))
	b.Use(&u)
	link := func(name string, index int, up bool, addrs ...string) host.Link {
		l := host.Link{Name: name, Index: index, Up: up, Running: up}
		for _, a := range addrs {
			l.Addrs = append(l.Addrs, host.LinkAddr{Prefix: netip.MustParsePrefix(a)})
		}
		return l
	}
	for i, c := range []struct {
		rep  host.Report
		want []string
	}{
		{host.Report{Synced: true, Changed: []host.Link{link("eth0", 2, true, "192.0.2.1/24", "fe80::1/64"), link("other", 3, true)}}, []string{
			"1 Assigned address 192.0.2.1 for interface eth0", "1 Assigned address fe80::1 for interface eth0",
		}},
		{host.Report{Changed: []host.Link{link("eth0", 2, true, "192.0.2.1/24", "192.0.2.7/24", "192.0.2.100/24", "fe80::1/64")}}, nil},
		{host.Report{Changed: []host.Link{link("eth0", 2, false, "192.0.2.1/24", "192.0.2.7/24"), link("other", 3, false)}}, []string{
			"0 Netlink reports eth0 down", "1 Deassigned address fe80::1 from interface eth0",
		}},
		{host.Report{Changed: []host.Link{link("eth0", 2, true, "192.0.2.7/24")}}, []string{
			"0 Netlink reports eth0 up", "1 Deassigned address 192.0.2.1 from interface eth0", "1 Assigned address 192.0.2.7 for interface eth0",
		}},
		{host.Report{Gone: []string{"eth0", "other"}}, []string{
			"0 Netlink reports eth0 down", "1 Deassigned address 192.0.2.7 from interface eth0", "0 Interface eth0 deleted", "1 Interface other deleted",
		}},
		{host.Report{Changed: []host.Link{link("eth0", 9, false), link("new", 10, true)}}, []string{
			"0 Interface eth0 added", "1 Interface new added",
		}},
		{host.Report{Changed: []host.Link{link("eth0", 9, true)}}, []string{"0 Netlink reports eth0 up"}},
		{host.Report{Gone: []string{"eth0"}, Changed: []host.Link{link("away", 9, true)}}, []string{"1 Interface name has changed from eth0 to away"}},
		{host.Report{Gone: []string{"never heard of"}}, nil},
	} {
		said = nil
		b.Note(&c.rep)
		if !slices.Equal(said, c.want) {
			t.Errorf("report %d: %q, want %q", i, said, c.want)
		}
	}
	if b.Name(9) != "away" || b.Name(2) != "interface 2" || len(b.names) != len(b.links) {
		t.Errorf("names %v", b.names)
	}
}

// TestMergeLinks: the newest description of a link replaces an older one, but never one from before the link went away.
func TestMergeLinks(t *testing.T) {
	changed := func(name string, index int) input {
		return input{event: &vrrp.LinkChanged{Link: host.Link{Name: name, Index: index}}}
	}
	waiting := []input{changed("a", 1), changed("b", 2), {event: &vrrp.LinkGone{Name: "b"}}, changed("e", 7), {port: &portChange{ID: vrrp.PortID{Link: "e"}}}}
	for _, c := range []struct {
		v  input
		ok bool
	}{
		{changed("a", 3), false},
		{changed("a", 1), true},
		{changed("b", 4), false},
		{changed("c", 5), false},
		{changed("e", 7), false},
		{input{event: &vrrp.LinkGone{Name: "a"}}, false},
		{input{do: func(*loop) {}}, false},
	} {
		if mergeLinks(waiting, c.v) != c.ok {
			t.Errorf("%+v: merged %v", c.v.event, !c.ok)
		}
	}
	newest := changed("a", 1)
	if mergeLinks(waiting, newest); waiting[0].event != newest.event || waiting[1].event == newest.event {
		t.Error("the wrong one was replaced")
	}
	// It does not look through thousands of others, unless there is no room for another.
	many := append(make([]input, 0, 300), changed("a", 1))
	for i := range 298 {
		many = append(many, changed("x", i))
	}
	if mergeLinks(many, newest) {
		t.Error("merged over too much")
	}
	if many = append(many, changed("x", 299)); !mergeLinks(many, newest) {
		t.Error("not merged when nothing more fits")
	}
}

// TestLinksAreMergedAtOnce: a link that flaps while the thread is busy does not fill its inbox.
func TestLinksAreMergedAtOnce(t *testing.T) {
	q := poll.NewInbox(inboxItems, func() {}, mergeLinks)
	for i := range 5000 {
		nstest.OK(t, q.Put(input{event: &vrrp.LinkChanged{Link: host.Link{Name: "a", Index: 1, MTU: i}}}))
		if i%1000 == 0 {
			nstest.OK(t, q.Put(input{event: &vrrp.Lost{}}))
		}
	}
	got := q.Take()
	if len(got) != 6 || got[0].event.(*vrrp.LinkChanged).Link.MTU != 4999 {
		t.Errorf("%d things wait", len(got))
	}
}

// TestNewRunnerIsNoNews: what a runner says about its sources before their first result does not undo what is known of them.
func TestNewRunnerIsNoNews(t *testing.T) {
	var s sources
	unknown := &track.State{Source: "a", Status: track.Unknown, Reload: true}
	up := &track.State{Source: "a", Status: track.Up}
	first := s.connection()
	for i, c := range []struct {
		st   *track.State
		want bool
	}{{unknown, true}, {unknown, true}, {up, true}, {unknown, true}} {
		if first.pass(c.st) != c.want {
			t.Errorf("first connection, state %d", i)
		}
	}
	second := s.connection()
	fresh := &track.State{Source: "b", Status: track.Unknown, Reload: true}
	start := &track.State{Source: "a", Status: track.Unknown}
	for i, c := range []struct {
		st   *track.State
		want bool
	}{{unknown, false}, {unknown, true}, {fresh, true}, {up, true}} {
		if second.pass(c.st) != c.want {
			t.Errorf("second connection, state %d", i)
		}
	}
	if !s.connection().pass(start) {
		t.Error("a source that begins anew is held back")
	}
}
