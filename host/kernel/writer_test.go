package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

func TestThousandAddressesInBatches(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	o.stand(1, 1, thousand())
	if got := strings.Count(holds(t, a, "eth0"), "/32"); got != 1000 {
		t.Errorf("%d addresses stand", got)
	}
	nstest.Eventually(t, "rest", func() bool { return len(o.w.Held()) == 1000 })
	if s := o.w.Stats(); s.Batches != 16 || s.Added != 1000 || s.Refused != 0 {
		t.Errorf("after adding: %+v", s)
	}
	o.apply(1, 2, host.State{})
	expect(t, a, "eth0", "")
	nstest.Eventually(t, "rest", func() bool { return len(o.w.Held()) == 0 })
	if s := o.w.Stats(); s.Batches != 32 || s.Deleted != 1000 || s.Overruns != 0 {
		t.Errorf("after deleting: %+v", s)
	}
	o.nothingLost()
}

func TestSettingsReachTheKernel(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	s := want("10.0.0.3/24", "10.1.0.3/32", "fd00::3/128", "fd00::4/64")
	s.Addresses[0].Broadcast = netip.MustParseAddr("10.0.0.255")
	s.Addresses[0].Label = "eth0:17"
	s.Addresses[0].Scope = 253
	s.Addresses[0].Flags = host.FlagNoPrefixRoute
	s.Addresses[1].Peer = netip.MustParsePrefix("10.1.0.4/32")
	s.Addresses[2].Preferred = 0
	o.stand(1, 1, s)
	got := map[string]host.LinkAddr{}
	for _, l := range read(t, a) {
		for _, x := range l.Addrs {
			got[x.Prefix.String()] = x
		}
	}
	x := got["10.0.0.3/24"]
	if x.Broadcast != s.Addresses[0].Broadcast || x.Label != "eth0:17" || x.Scope != 253 || x.Flags&host.FlagNoPrefixRoute == 0 ||
		x.Valid != host.Forever || x.Flags&host.FlagPermanent == 0 {
		t.Errorf("IPv4: %+v", x)
	}
	if x := got["10.1.0.3/32"]; x.Peer != s.Addresses[1].Peer || x.Label != "" {
		t.Errorf("with a peer: %+v", x)
	}
	if x := got["fd00::3/128"]; x.Preferred != 0 || x.Flags&host.FlagDeprecated == 0 || x.Flags&host.FlagNoDAD == 0 || x.Flags&host.FlagTentative != 0 {
		t.Errorf("deprecated: %+v", x)
	}
	if x := got["fd00::4/64"]; x.Preferred != host.Forever || x.Flags&host.FlagDeprecated != 0 {
		t.Errorf("IPv6: %+v", x)
	}
	if x.Proto == 0 && older(t, 5, 18) {
		t.Log("this kernel does not know IFA_PROTO")
	} else if x.Proto != host.ProtoMark || got["fd00::4/64"].Proto != host.ProtoMark {
		t.Errorf("marks %d and %d, want %d", x.Proto, got["fd00::4/64"].Proto, host.ProtoMark)
	} else {
		nstest.Eventually(t, "the mark to be noticed", o.w.Marks)
	}
}

// older reports whether this kernel is older than a version.
func older(t *testing.T, major, minor int) bool {
	var uts unix.Utsname
	nstest.OK(t, unix.Uname(&uts))
	var a, b int
	_, err := fmt.Sscanf(unix.ByteSliceToString(uts.Release[:]), "%d.%d", &a, &b)
	nstest.OK(t, err)
	return a < major || (a == major && b < minor)
}

// The kernel tells IPv4 addresses apart by their peers, too: one of ours beside the host's, and two of ours.
func TestAddressesThatDifferInThePeer(t *testing.T) {
	t.Parallel()
	n, _ := nstest.Pair(t)
	ip := func(command string) {
		t.Helper()
		nstest.OK(t, n.Run(exec.Command("ip", strings.Fields(command)...)))
	}
	ip("addr add 10.0.0.3/32 peer 10.9.9.1/32 dev eth0") // the host's
	o := watchOver(t, n, Config{})
	peers := func(list ...string) (s host.State) {
		for _, p := range list {
			a := addr("10.0.0.3/32")
			a.Peer = netip.MustParsePrefix(p)
			a.Net = a.Peer
			s.Addresses = append(s.Addresses, a)
		}
		return s
	}
	shown := func() (list []string) {
		for _, l := range read(t, n) {
			for _, a := range l.Addrs {
				if l.Name == "eth0" && a.Prefix.Addr().Is4() {
					list = append(list, a.Peer.String())
				}
			}
		}
		slices.Sort(list)
		return list
	}
	wait := func(want ...string) {
		t.Helper()
		nstest.Eventually(t, fmt.Sprint(want), func() bool { return slices.Equal(shown(), want) })
	}
	o.stand(1, 1, peers("10.9.9.2/32", "10.9.9.3/32"))
	wait("10.9.9.1/32", "10.9.9.2/32", "10.9.9.3/32")
	ip("addr del 10.0.0.3/32 peer 10.9.9.3/32 dev eth0")
	if l := o.takeLost(); l.Key.Net != netip.MustParsePrefix("10.9.9.3/32") {
		t.Errorf("lost: %v", l.Key)
	}
	o.stand(1, 2, peers("10.9.9.2/32", "10.9.9.3/32"))
	wait("10.9.9.1/32", "10.9.9.2/32", "10.9.9.3/32")
	o.stand(1, 3, peers("10.9.9.3/32"))
	wait("10.9.9.1/32", "10.9.9.3/32")
	o.stand(1, 4, host.State{})
	wait("10.9.9.1/32")
	o.eventually("the host's own to be reported", func() bool { return len(o.links["eth0"].Addrs) > 0 && o.links["eth0"].Addrs[0].Peer.IsValid() })
}

func TestSettingsChange(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	s := want("fd00::3/64", "10.0.0.3/24", "10.0.0.4/24")
	o.stand(1, 1, s)
	s.Addresses = slices.Clone(s.Addresses)
	s.Addresses[0].Preferred, s.Addresses[1].Label = 0, "eth0:1"
	o.stand(1, 2, s)
	expect(t, a, "eth0", "10.0.0.3/24 10.0.0.4/24(s) fd00::3/64")
	for _, l := range read(t, a) {
		for _, x := range l.Addrs {
			if (x.Prefix.String() == "fd00::3/64" && x.Preferred != 0) || (x.Prefix.String() == "10.0.0.3/24" && x.Label != "eth0:1") {
				t.Errorf("%+v", x)
			}
		}
	}
	o.nothingLost()
}

func TestForeignDelete(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	s := want("10.0.0.3/24", "fd00::3/64")
	o.stand(1, 1, s)
	for gen, victim := range []string{"10.0.0.3/24", "fd00::3/64"} {
		nstest.OK(t, a.DelAddr("eth0", victim))
		if l := o.takeLost(); l != (host.Lost{Owner: 1, Key: addr(victim).Key}) {
			t.Errorf("reported %+v", l)
		}
		o.stand(1, uint64(gen)+2, s)
	}
	expect(t, a, "eth0", "10.0.0.3/24 fd00::3/64")
}

func TestLinkDown(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	o.stand(1, 1, want("10.0.0.3/24", "fd00::3/64"))
	for range 5 {
		nstest.OK(t, a.SetDown("eth0"))
		if l := o.takeLost(); l != (host.Lost{Owner: 1, Key: addr("fd00::3/64").Key, LinkDown: true}) {
			t.Fatalf("reported %+v", l)
		}
		o.eventually("the link to be down", func() bool { return !o.links["eth0"].Up })
		nstest.OK(t, a.SetUp("eth0"))
		nstest.Eventually(t, "the address to come back", func() bool {
			return holds(t, a, "eth0") == "10.0.0.3/24 fd00::3/64"
		})
	}
	// A flap that nobody sees in between.
	nstest.OK(t, errors.Join(a.SetDown("eth0"), a.SetUp("eth0")))
	if l := o.takeLost(); !l.LinkDown {
		t.Errorf("after a flap: %+v", l)
	}
	nstest.Eventually(t, "the address to come back", func() bool { return holds(t, a, "eth0") == "10.0.0.3/24 fd00::3/64" })
	o.nothingLost()
}

func TestCarrier(t *testing.T) {
	t.Parallel()
	a, b := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	o.stand(1, 1, want("fd00::3/64"))
	nstest.OK(t, b.SetDown("eth0"))
	o.eventually("carrier loss", func() bool { l := o.links["eth0"]; return l.Up && !l.IsUp() })
	nstest.OK(t, b.SetUp("eth0"))
	o.eventually("carrier", func() bool { l := o.links["eth0"]; return l.IsUp() })
	o.nothingLost()
}

func TestRegressionC58_LinkDeletedAndMadeAgain(t *testing.T) { // rule L2
	t.Parallel()
	a, b := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	o.stand(1, 1, want("10.0.0.3/24", "fd00::3/64"))
	for range 3 {
		nstest.OK(t, a.Delete("eth0"))
		for range 2 {
			if l := o.takeLost(); !l.LinkDown {
				t.Errorf("a link that was deleted: %+v", l)
			}
		}
		o.eventually("the link to be gone", func() bool { _, ok := o.links["eth0"]; return !ok && len(o.gone) > 0 })
		nstest.Veth(t, a, "eth0", b, "eth0")
		nstest.Eventually(t, "the addresses to be there again", func() bool {
			return holds(t, a, "eth0") == "10.0.0.3/24 fd00::3/64"
		})
	}
	o.nothingLost()
}

func TestMissingLink(t *testing.T) {
	t.Parallel()
	a, b := nstest.New(t), nstest.New(t)
	o := watchOver(t, a, Config{})
	if got := o.apply(1, 1, want("10.0.0.3/24"))[addr("10.0.0.3/24").Key]; got != host.NoSuchInterface {
		t.Errorf("said %q", got)
	}
	nstest.Veth(t, a, "eth0", b, "eth0")
	nstest.Eventually(t, "the address", func() bool { return holds(t, a, "eth0") == "10.0.0.3/24" })
}

func TestRename(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	o.stand(1, 1, want("10.0.0.3/24"))
	nstest.OK(t, errors.Join(a.SetDown("eth0"), a.Rename("eth0", "lan0")))
	if l := o.takeLost(); !l.LinkDown {
		t.Errorf("%+v", l)
	}
	o.eventually("the new name", func() bool { return o.links["lan0"].Name != "" && o.links["eth0"].Name == "" })
	nstest.Eventually(t, "the address not to be left behind", func() bool { return holds(t, a, "lan0") == "" })
	nstest.OK(t, a.Rename("lan0", "eth0"))
	nstest.Eventually(t, "the address", func() bool { return holds(t, a, "eth0") == "10.0.0.3/24" })
}

func TestAdoption(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	nstest.OK(t, a.AddAddr("eth0", "10.0.0.3/24"))
	o.stand(1, 1, want("10.0.0.3/24"))
	nstest.Eventually(t, "rest", func() bool { return len(o.w.Held()) == 1 })
	o.apply(1, 2, host.State{})
	expect(t, a, "eth0", "")
	// The kernel says EEXIST when it is not known yet.
	var res []host.OpResult
	nstest.Do(t, a, func() {
		q, err := newRequests(0, false)
		nstest.OK(t, err)
		defer func() { _ = q.close() }()
		links, err := q.snapshot()
		nstest.OK(t, err)
		op := host.Diff(host.Machine{Links: links}, want("10.0.0.3/24"), host.ProtoMark)[0]
		gone := op
		gone.Delete = true
		nowhere := op
		nowhere.Index = 4711
		res = q.apply([]host.Op{op, op, gone, gone, nowhere}, nil)
	})
	for i, want := range []host.Outcome{host.Done, host.Exists, host.Done, host.NotThere, host.NoLink} {
		if res[i].Outcome != want {
			t.Errorf("operation %d: %v, want %v", i, res[i].Outcome, want)
		}
	}
}

func TestMovedBetweenOwners(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	o.stand(1, 1, want("10.0.0.3/24", "10.0.0.4/24"))
	o.w.Want(1, 2, want("10.0.0.4/24"))
	o.w.Want(2, 1, want("10.0.0.3/24"))
	o.eventually("both", func() bool { return o.final[1] == 2 && o.final[2] == 1 })
	// The first may have been taken in alone; but what stands at the end is what counts.
	got := strings.Fields(strings.ReplaceAll(holds(t, a, "eth0"), "(s)", ""))
	slices.Sort(got)
	if !slices.Equal(got, []string{"10.0.0.3/24", "10.0.0.4/24"}) {
		t.Errorf("holds %v", got)
	}
	o.nothingLost()
	o.w.Forget(1)
	nstest.Eventually(t, "the rest to go", func() bool { return holds(t, a, "eth0") == "10.0.0.3/24" })
}

func TestSecondariesSurvive(t *testing.T) {
	t.Parallel()
	for _, promote := range []string{"0", "1"} {
		a, _ := nstest.Pair(t)
		nstest.OK(t, a.SetSysctl("net/ipv4/conf/eth0/promote_secondaries", promote))
		o := watchOver(t, a, Config{})
		o.stand(1, 1, want("10.0.0.3/24"))
		o.stand(2, 1, want("10.0.0.4/24"))
		nstest.OK(t, a.AddAddr("eth0", "10.0.0.9/24"))
		o.eventually("the administrator's address", func() bool {
			return slices.ContainsFunc(o.links["eth0"].Addrs, func(x host.LinkAddr) bool { return x.Prefix.String() == "10.0.0.9/24" })
		})
		o.apply(1, 2, host.State{})
		expect(t, a, "eth0", "10.0.0.4/24 10.0.0.9/24(s)")
		for _, l := range read(t, a) {
			for _, x := range l.Addrs {
				if x.Prefix.String() == "10.0.0.9/24" && x.Proto == host.ProtoMark {
					t.Error("the administrator's address was put back with our mark")
				}
			}
		}
		o.nothingLost()
	}
}

func TestKernelsOwnWords(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	nstest.OK(t, a.SetSysctl("net/ipv6/conf/eth0/disable_ipv6", "1"))
	s := want("10.0.0.3/24", "10.0.0.4/24", "fd00::3/64", "10.2.0.1/24")
	s.Addresses[1].Scope = 253
	got := o.apply(1, 1, s)
	for text, part := range map[string]string{
		"10.0.0.3/24": "", "10.0.0.4/24": "invalid argument", "fd00::3/64": "permission denied", "10.2.0.1/24": "",
	} {
		if err := got[addr(text).Key]; !strings.HasPrefix(err, part) || (part == "" && err != "") {
			t.Errorf("%s: %q, want %q", text, err, part)
		}
	}
	t.Logf("words: %q, %q", got[addr("10.0.0.4/24").Key], got[addr("fd00::3/64").Key])
	expect(t, a, "eth0", "10.0.0.3/24 10.2.0.1/24")
}

func TestForwarding(t *testing.T) { // rule M3
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	forward := func() bool { return o.links["eth0"].Forward6 }
	for i, c := range []struct{ name, value string }{{"eth0", "1"}, {"eth0", "0"}, {"all", "1"}, {"all", "0"}} {
		nstest.OK(t, a.SetSysctl("net/ipv6/conf/"+c.name+"/forwarding", c.value))
		o.eventually(fmt.Sprintf("forwarding, step %d", i), func() bool { return forward() == (c.value == "1") })
	}
	nstest.OK(t, a.SetSysctl("net/ipv6/conf/eth0/forwarding", "1"))
	for _, l := range read(t, a) {
		if l.Forward6 != (l.Name == "eth0") {
			t.Errorf("%s is read with forwarding %v", l.Name, l.Forward6)
		}
	}
}

func TestBridgePortIsNotALinkThatGoes(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	o := watchOver(t, a, Config{})
	nstest.OK(t, errors.Join(a.AddBridge("br0"), a.SetMaster("eth0", "br0"), a.SetMaster("eth0", ""), a.Delete("br0")))
	o.eventually("the bridge to be gone", func() bool { return slices.Contains(o.gone, "br0") })
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.Contains(o.gone, "eth0") {
		t.Error("eth0 was reported gone when it left the bridge")
	}
}

func TestLinkFacts(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	mac := [6]byte{2, 0, 0, 0, 0, 0x33}
	o := watchOver(t, a, Config{})
	nstest.OK(t, errors.Join(a.SetMAC("eth0", mac), a.SetMTU("eth0", 1400), a.SetFlags("eth0", unix.IFF_NOARP, unix.IFF_NOARP)))
	o.eventually("the changes", func() bool {
		l := o.links["eth0"]
		return l.MAC == mac && l.MTU == 1400 && l.NoARP && l.Multicast && l.Type == unix.ARPHRD_ETHER && l.IsUp()
	})
	o.eventually("lo", func() bool { lo := o.links["lo"]; return lo.Loopback && !lo.Multicast && lo.Index > 0 })
	for _, l := range read(t, a) {
		if l.Name == "eth0" && (l.MAC != mac || l.MTU != 1400 || !l.NoARP || !l.IsUp()) {
			t.Errorf("eth0 is read as %+v", l)
		}
	}
}

func TestTwoDaemonsAreNotConfused(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	one, two := watchOver(t, a, Config{}), watchOver(t, a, Config{})
	one.stand(1, 1, want("10.0.0.3/24", "10.0.0.4/24"))
	two.stand(1, 1, want("10.0.1.3/24"))
	three := watchOver(t, a, Config{}) // a third that starts finds marks, and touches nothing
	three.apply(1, 1, host.State{})
	expect(t, a, "eth0", "10.0.0.3/24 10.0.1.3/24 10.0.0.4/24(s)")
	nstest.Eventually(t, "rest", func() bool { return len(one.w.Held()) == 2 })
	var swept Swept
	nstest.Do(t, a, func() {
		var err error
		swept, err = Sweep(Items{Keys: append(one.w.Held(), addr("10.9.9.9/24").Key, addr("10.0.0.3/24@eth7").Key)})
		nstest.OK(t, err)
	})
	if len(swept.Removed) != 2 || len(swept.Failed) != 0 {
		t.Errorf("swept %+v", swept)
	}
	expect(t, a, "eth0", "10.0.1.3/24")
	for range 2 {
		if l := one.takeLost(); l.LinkDown {
			t.Errorf("%+v", l)
		}
	}
	two.nothingLost()
	three.nothingLost()
}

func TestSweepPutsBackWhatIsNotListed(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	for _, p := range []string{"10.0.0.3/24", "10.0.0.4/24", "10.0.0.9/24"} {
		nstest.OK(t, a.AddAddr("eth0", p))
	}
	nstest.Do(t, a, func() {
		_, err := Sweep(Items{Keys: []host.Key{addr("10.0.0.3/24").Key, addr("10.0.0.4/24").Key}})
		nstest.OK(t, err)
	})
	expect(t, a, "eth0", "10.0.0.9/24")
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	n, err := netns.New()
	if err != nil {
		t.Skip(err)
	}
	var w *Writer
	nstest.Do(t, n, func() {
		w, err = Open(Config{})
		nstest.OK(t, err)
	})
	w.Start()
	w.Want(1, 1, host.State{})
	nstest.OK(t, w.Close())
	nstest.OK(t, w.Close())
	w.Want(1, 2, host.State{}) // into the void
	nstest.OK(t, n.Close())
	goleak.VerifyNone(t, before)
}
