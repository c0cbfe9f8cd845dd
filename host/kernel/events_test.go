package kernel

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
)

// linkLocal is the state of the link-local address of a link as reported.
func linkLocal(l host.Link) string {
	for _, a := range l.Addrs {
		if a.Prefix.Addr().Is6() && a.Prefix.Addr().IsLinkLocalUnicast() {
			switch {
			case a.Flags&host.FlagDADFailed != 0:
				return "duplicate"
			case a.Flags&host.FlagTentative != 0:
				return "tentative"
			}
			return "good"
		}
	}
	return "none"
}

// states are the states of the link-local address of eth0 in the order in which they were reported.
func (o *observer) states() string {
	var list []string
	for _, l := range o.history {
		if s := linkLocal(l); l.Name == "eth0" && (len(list) == 0 || list[len(list)-1] != s) {
			list = append(list, s)
		}
	}
	return strings.Join(list, " ")
}

func TestLinkLocalBecomesUsable(t *testing.T) {
	t.Parallel()
	a, b := nstest.New(t), nstest.New(t)
	nstest.OK(t, a.AddVeth("eth0", b, "eth0"))
	o := watchOver(t, a, Config{})
	nstest.OK(t, errors.Join(a.SetUp("eth0"), b.SetUp("eth0")))
	o.eventually("the end of duplicate address detection", func() bool { return linkLocal(o.links["eth0"]) == "good" })
	o.mu.Lock()
	// The kernel tells of it only when it can be used; who reads at the right moment sees it tentative.
	if got := o.states(); got != "none good" && got != "none tentative good" {
		t.Errorf("states: %s", got)
	}
	o.mu.Unlock()
	nstest.OK(t, a.SetDown("eth0"))
	o.eventually("the address to go", func() bool { return linkLocal(o.links["eth0"]) == "none" })
	nstest.OK(t, a.SetUp("eth0"))
	o.eventually("the address to come", func() bool { return linkLocal(o.links["eth0"]) == "good" })
}

func TestDuplicateLinkLocalIsSeen(t *testing.T) {
	t.Parallel()
	a, b := nstest.New(t), nstest.New(t)
	nstest.OK(t, a.AddVeth("eth0", b, "eth0"))
	mac := [6]byte{2, 0, 0, 0, 0, 1}
	nstest.OK(t, errors.Join(a.SetMAC("eth0", mac), b.SetMAC("eth0", mac)))
	// The other end has the address first. The link must carry for that, so this end comes up without IPv6.
	nstest.OK(t, errors.Join(a.SetSysctl("net/ipv6/conf/eth0/disable_ipv6", "1"), a.SetUp("eth0"), b.SetUp("eth0")))
	nstest.Eventually(t, "the other end to have its address", func() bool {
		for _, l := range read(t, b) {
			if l.Name == "eth0" && linkLocal(l) == "good" {
				return true
			}
		}
		return false
	})
	o := watchOver(t, a, Config{})
	nstest.OK(t, a.SetSysctl("net/ipv6/conf/eth0/disable_ipv6", "0"))
	o.eventually("the duplicate", func() bool { return linkLocal(o.links["eth0"]) == "duplicate" })
	o.nothingLost()
}

func TestRegressionC64_OverrunIsMadeGood(t *testing.T) { // keepalived goes on as if nothing had happened (rule K13)
	t.Parallel()
	a, b := nstest.Pair(t)
	o := watchOver(t, a, Config{EventBuffer: 1})
	o.stand(1, 1, want("10.0.0.3/24", "10.0.1.3/24"))
	gate := make(chan struct{})
	o.mu.Lock()
	o.gate = gate
	o.mu.Unlock()
	nstest.OK(t, b.SetDown("eth0")) // its report is where the Writer gets stuck
	nstest.OK(t, b.SetUp("eth0"))
	for i := range 200 {
		nstest.OK(t, a.AddAddr("lo", fmt.Sprintf("127.1.0.%d/32", i+1)))
	}
	nstest.OK(t, a.DelAddr("eth0", "10.0.0.3/24"))
	nstest.OK(t, errors.Join(a.AddBridge("br7"), a.SetUp("br7")))
	o.mu.Lock()
	o.gate = nil
	o.mu.Unlock()
	close(gate)
	if l := o.takeLost(); l.Key != addr("10.0.0.3/24").Key || l.LinkDown {
		t.Errorf("lost %+v", l)
	}
	o.eventually("everything to be known", func() bool {
		return len(o.links["lo"].Addrs) >= 201 && o.links["br7"].Up && o.links["eth0"].Running
	})
	nstest.Eventually(t, "rest", func() bool { s := o.w.Stats(); return s.Overruns > 0 && s.Resyncs > 1 })
	o.nothingLost()
}

// TestFloodAndStrife has others delete addresses and flap links as fast as they can while owners change their minds. At the
// end the kernel holds what is wanted.
func TestFloodAndStrife(t *testing.T) {
	t.Parallel()
	a, b := nstest.Pair(t)
	o := watchOver(t, a, Config{EventBuffer: 16 << 10})
	full, half := want(), want()
	for i := range 100 {
		x := fmt.Sprintf("10.3.%d.%d/24", i%4, 3+i)
		if i%5 == 0 {
			x = fmt.Sprintf("fd00::%d/64", 3+i)
		}
		full.Addresses = append(full.Addresses, addr(x))
		if i%2 == 0 {
			half.Addresses = append(half.Addresses, addr(x))
		}
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	strife := func(f func(i int)) {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f(i)
				}
			}
		})
	}
	strife(func(i int) { _ = a.DelAddr("eth0", full.Addresses[i%100].Prefix.String()) })
	strife(func(i int) {
		x := fmt.Sprintf("192.168.%d.1/24", i%200)
		_ = errors.Join(a.AddAddr("lo", x), a.DelAddr("lo", x))
	})
	strife(func(int) { _ = errors.Join(a.SetDown("eth0"), a.SetUp("eth0")) })
	gen := uint64(0)
	for i := range 60 {
		gen++
		s := full
		if i%2 == 1 {
			s = half
		}
		o.w.Want(1, gen, s)
		o.w.Want(2, gen, half)
		if i%10 == 9 {
			o.eventually("an answer amidst all this", func() bool { return o.final[1] == gen && o.final[2] == gen })
		}
	}
	close(stop)
	wg.Wait()
	nstest.OK(t, errors.Join(a.SetUp("eth0"), b.SetUp("eth0")))
	nstest.Eventually(t, "what is wanted", func() bool {
		gen++
		o.apply(1, gen, half)
		o.apply(2, gen, host.State{})
		return sameAddresses(read(t, a), half)
	})
	o.apply(1, gen+1, host.State{})
	expect(t, a, "eth0", "")
	t.Logf("%v", o.w)
}

func sameAddresses(links []host.Link, s host.State) bool {
	wanted := map[string]bool{}
	for _, x := range s.Addresses {
		wanted[x.Prefix.String()] = true
	}
	for _, l := range links {
		for _, x := range l.Addrs {
			if l.Name != "eth0" || x.Prefix.Addr().IsLinkLocalUnicast() {
				continue
			}
			if !wanted[x.Prefix.String()] {
				return false
			}
			delete(wanted, x.Prefix.String())
		}
	}
	return len(wanted) == 0
}

func TestManyLinks(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	const n = 150
	s := want()
	for i := range n {
		s.Addresses = append(s.Addresses, addr(fmt.Sprintf("10.9.%d.3/32@mv%d", i, i)), addr(fmt.Sprintf("fd00:%x::3/128@mv%d", i+1, i)))
	}
	o.apply(1, 1, s)
	for i := range n {
		name := fmt.Sprintf("mv%d", i)
		nstest.OK(t, errors.Join(a.AddMacvlan(name, "eth0"), a.SetUp(name)))
	}
	o.eventually("all links", func() bool { return len(o.links) == n+2 })
	nstest.Eventually(t, "all addresses", func() bool { return len(o.w.Held()) == 2*n })
	nstest.OK(t, a.SetDown("eth0"))
	o.eventually("all links without carrier", func() bool {
		for i := range n {
			if l := o.links[fmt.Sprintf("mv%d", i)]; l.IsUp() {
				return false
			}
		}
		return true
	})
	nstest.OK(t, a.Delete("eth0"))
	o.eventually("all links to be gone, and everything lost", func() bool { return len(o.links) == 1 && len(o.lost) == 2*n })
	for _, l := range o.lost {
		if !l.LinkDown {
			t.Errorf("%+v", l)
		}
	}
}

func TestTentativeIsSeenAtStart(t *testing.T) {
	t.Parallel()
	a, b := nstest.New(t), nstest.New(t)
	nstest.OK(t, a.AddVeth("eth0", b, "eth0"))
	nstest.OK(t, a.SetSysctl("net/ipv6/conf/eth0/dad_transmits", "8")) // seconds, so that we are not too late
	nstest.OK(t, errors.Join(b.SetUp("eth0"), a.SetUp("eth0")))
	o := watchOver(t, a, Config{})
	o.eventually("the end of duplicate address detection", func() bool { return linkLocal(o.links["eth0"]) == "good" })
	o.mu.Lock()
	defer o.mu.Unlock()
	if got := o.states(); got != "tentative good" {
		t.Errorf("states: %s", got)
	}
}
