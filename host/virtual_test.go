package host_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast.dev/host"
)

func vmac(up bool) host.VirtualLink {
	return host.VirtualLink{
		Name: "vrrp.51", Base: "eth0", Kind: host.Macvlan, Mode: host.MacvlanBridge,
		MAC: [6]byte{0, 0, 0x5e, 0, 1, 51}, For: host.IPv4, Up: up,
	}
}

// onVMAC wants the virtual link, and addresses on it if it is to be up.
func onVMAC(up bool, list ...string) host.State {
	for i := range list {
		list[i] += "@vrrp.51"
	}
	s := want(list...)
	s.Links = []host.VirtualLink{vmac(up)}
	return s
}

func TestVirtualLinkIsMadeDownAndUsedUp(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(false))
	w.expect("applied 1.1\napplied 1.1 final [vrrp.51]", "+vrrp.51@eth0", "eth0 up:\nvrrp.51 down:")
	w.r.Want(1, 2, onVMAC(true, "10.0.0.3/24", "fd00::3/64"))
	w.expect("applied 1.2\napplied 1.2 final [vrrp.51] [10.0.0.3/24 vrrp.51] [fd00::3/64 vrrp.51]",
		"up vrrp.51@eth0, +10.0.0.3/24 vrrp.51, +fd00::3/64 vrrp.51", "eth0 up:\nvrrp.51 up: 10.0.0.3/24 fd00::3/64")
	w.r.Want(1, 3, onVMAC(true, "10.0.0.3/24", "fd00::3/64"))
	w.expect("applied 1.3 final [vrrp.51] [10.0.0.3/24 vrrp.51] [fd00::3/64 vrrp.51]", "",
		"eth0 up:\nvrrp.51 up: 10.0.0.3/24 fd00::3/64")
	// IPv4 addresses go at once. IPv6 ones go with the link's going down, so that no multicast group is left aloud.
	w.r.Want(1, 4, onVMAC(false))
	w.run()
	if _, ops := w.heard(); ops != "-10.0.0.3/24 vrrp.51, down vrrp.51@eth0" {
		t.Errorf("operations: %s", ops)
	}
	w.expect("", "", "eth0 up:\nvrrp.51 down:")
	w.r.Want(1, 5, host.State{})
	w.run()
	if said, ops := w.heard(); !strings.Contains(said, "gone vrrp.51") || !strings.Contains(said, "applied 1.5 final") || ops != "-vrrp.51@eth0" {
		t.Errorf("%s; operations: %s", said, ops)
	}
	if got := w.k.String(); got != "eth0 up:\n" {
		t.Errorf("kernel: %s", got)
	}
}

func TestVirtualLinkAtOnce(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.run()
	said, ops := w.heard()
	if ops != "+vrrp.51@eth0, up vrrp.51@eth0, +10.0.0.3/24 vrrp.51" || !strings.HasSuffix(said, "final [vrrp.51] [10.0.0.3/24 vrrp.51]") {
		t.Errorf("%s\noperations: %s", said, ops)
	}
}

func TestRegressionB50_VirtualLinkOfTwoOwners(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.r.Want(2, 1, onVMAC(true, "10.0.0.4/24"))
	w.run()
	w.heard()
	w.r.Want(1, 2, onVMAC(false)) // the other is still MASTER
	w.run()
	w.r.Want(1, 3, host.State{})
	w.run()
	if _, ops := w.heard(); ops != "-10.0.0.3/24 vrrp.51, +10.0.0.4/24 vrrp.51" {
		t.Errorf("operations: %s", ops)
	}
	w.r.Forget(2)
	w.run()
	if _, ops := w.heard(); ops != "-10.0.0.4/24 vrrp.51, -vrrp.51@eth0" {
		t.Errorf("operations: %s", ops)
	}
}

// Of links that are deleted together the last one knows that it is: it has the settings of the base put back.
func TestLastVirtualLinkOnItsBase(t *testing.T) {
	w := newWorld(t)
	var alone []string
	w.k.Refuse = func(op host.Op) string {
		if op.Link != nil && op.Link.Do == host.LinkDrop && op.Link.Alone {
			alone = append(alone, op.Link.Want.Name)
		}
		return ""
	}
	const many = 3*host.MaxBatch + 1
	for i := range many {
		v := vmac(false)
		v.Name, v.MAC[5] = fmt.Sprintf("vrrp.%d", i), byte(i)
		w.r.Want(host.Owner(i+1), 1, host.State{Links: []host.VirtualLink{v}})
	}
	w.run()
	for i := range many {
		w.r.Want(host.Owner(i+1), 2, host.State{})
	}
	w.k.PollLimit = 1 // events are late
	w.run()
	if got := w.k.String(); got != "eth0 up:\n" || len(alone) != 1 {
		t.Errorf("the last one: %v; kernel: %s", alone, got)
	}
}

// On an interface that is a macvlan itself the kernel says that both stand on the same one, or on one that is not to be seen from here.
func TestVirtualLinkOnAMacvlan(t *testing.T) {
	w := newWorld(t)
	lan := vmac(false)
	lan.Name, lan.Base, lan.MAC[5] = "lan0", "eth0", 9
	w.k.Make(lan)
	w.k.SetUp("lan0", true)
	var alone []string
	w.k.Refuse = func(op host.Op) string {
		if op.Link != nil && op.Link.Do == host.LinkDrop && op.Link.Alone {
			alone = append(alone, op.Link.Want.Name)
		}
		return ""
	}
	on := func(name string, up bool) host.State {
		s := host.State{Links: []host.VirtualLink{vmac(up)}}
		s.Links[0].Name, s.Links[0].Base, s.Links[0].MAC[4] = name, "lan0", name[0]
		return s
	}
	w.r.Want(1, 1, on("a", true))
	w.r.Want(2, 1, on("b", true))
	w.run()
	if _, ops := w.heard(); ops != "+a@lan0, +b@lan0, up a@lan0, up b@lan0" {
		t.Errorf("operations: %s", ops)
	}
	w.r.Forget(1)
	w.run()
	w.r.Forget(2)
	w.run()
	if got := w.k.String(); got != "eth0 up:\nlan0 up:\n" || fmt.Sprint(alone) != "[b]" {
		t.Errorf("the last one: %v; kernel: %s", alone, got)
	}
}

func TestVirtualLinkComesBack(t *testing.T) {
	const good = "eth0 up:\nvrrp.51 up: 10.0.0.3/24 fd00::3/64\n"
	for name, meddle := range map[string]func(w *world){
		"deleted":        func(w *world) { w.k.DeleteLink("vrrp.51") },
		"down":           func(w *world) { w.k.SetUp("vrrp.51", false) },
		"down, no event": func(w *world) { w.k.SetUp("vrrp.51", false); w.k.LoseEvents() },
		"renamed":        func(w *world) { w.k.RenameLink("vrrp.51", "other") },
		"base deleted":   func(w *world) { w.k.DeleteLink("eth0"); w.run(); w.k.AddLink("eth0", true) },
		"base replaced":  func(w *world) { w.k.DeleteLink("eth0"); w.k.AddLink("eth0", true) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24", "fd00::3/64"))
			w.run()
			meddle(w)
			for range 3 { // what could not be done at once is asked for again by who wants it
				w.run()
				w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24", "fd00::3/64"))
			}
			w.run()
			if got := w.k.String(); got != good {
				t.Errorf("kernel: %s", got)
			}
		})
	}
}

func TestBaseRenamedTakesVirtualLinkDown(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.run()
	w.k.RenameLink("eth0", "eth9")
	w.run()
	if got := w.k.String(); !strings.Contains(got, "vrrp.51 down:") {
		t.Errorf("kernel: %s", got)
	}
	w.k.AddLink("eth0", true)
	w.run()
	if l := w.k.Link("vrrp.51"); l == nil || !l.Up || l.Base != w.k.Link("eth0").Index {
		t.Errorf("on the new base: %+v", l)
	}
}

func TestVirtualLinkOfOthers(t *testing.T) {
	w := newWorld(t)
	w.k.AddLink("vrrp.51", true)
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.run()
	said, ops := w.heard()
	if !strings.Contains(said, "an interface of that name exists") || ops != "" {
		t.Errorf("%s\noperations: %s", said, ops)
	}
	w.k.DeleteLink("vrrp.51")
	w.run()
	if got := w.k.String(); got != "eth0 up:\nvrrp.51 up: 10.0.0.3/24\n" {
		t.Errorf("kernel: %s", got)
	}
	// One that fits is used, given its settings, and left there in the end (rule L7).
	w = newWorld(t)
	v := vmac(false)
	v.Mode = 1 // private
	w.k.Make(v)
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.run()
	if l := w.k.Link("vrrp.51"); l.Mode != host.MacvlanBridge || !l.Up {
		t.Errorf("%+v", l)
	}
	w.r.Forget(1)
	w.run()
	if got := w.k.String(); got != "eth0 up:\nvrrp.51 down:\n" {
		t.Errorf("kernel: %s", got)
	}
}

func TestVirtualLinkRefused(t *testing.T) {
	w := newWorld(t)
	w.k.Refuse = func(op host.Op) string {
		if op.Link != nil && op.Link.Do == host.LinkMake {
			return "operation not supported"
		}
		return ""
	}
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.expect("applied 1.1 [vrrp.51: operation not supported]\napplied 1.1 final [10.0.0.3/24 vrrp.51: operation not supported]",
		"+vrrp.51@eth0", "eth0 up:")
	w.k.Refuse = nil
	w.r.Want(1, 2, onVMAC(true, "10.0.0.3/24"))
	w.run()
	if got := w.k.String(); got != "eth0 up:\nvrrp.51 up: 10.0.0.3/24\n" {
		t.Errorf("kernel: %s", got)
	}
}

func TestRegressionB49_OnlyTheMACChanges(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(true, "10.0.0.3/24"))
	w.run()
	w.heard()
	s := onVMAC(true, "10.0.0.3/24")
	s.Links[0].MAC[5] = 52
	w.r.Want(1, 2, s)
	w.run()
	if _, ops := w.heard(); ops != "~vrrp.51@eth0" {
		t.Errorf("operations: %s", ops)
	}
	if l := w.k.Link("vrrp.51"); l.MAC[5] != 52 {
		t.Errorf("%+v", l)
	}
}

// Whatever others do: when they have stopped, what is wanted stands, and what is not wanted does not.
func TestVirtualLinksConverge(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		for step := range 40 {
			meddleWithLinks(w, rng, uint64(step))
			if rng.IntN(3) > 0 {
				w.run()
			}
		}
		w.k.DropAnswers, w.k.Hold, w.k.Refuse = 0, false, nil
		w.k.DeleteLink("eth9")
		if w.k.Link("eth0") == nil {
			w.k.AddLink("eth0", true)
		}
		up := rng.IntN(2) == 0
		for gen := range uint64(3) {
			s := onVMAC(false)
			if up {
				s = onVMAC(true, "10.0.0.3/24", "fd00::3/64")
			}
			w.r.Want(1, 100+gen, s)
			w.r.Want(2, 100+gen, host.State{})
			w.run()
		}
		want := "vrrp.51 down:\n"
		if up {
			want = "vrrp.51 up: 10.0.0.3/24 fd00::3/64\n"
		}
		if got := w.k.String(); !strings.Contains(got, want) || strings.Contains(got, "stray up") {
			t.Fatalf("seed %d: kernel:\n%s\nwant %s", seed, got, want)
		}
		if said, _ := w.heard(); !strings.Contains(said, "applied 1.102 final") {
			t.Fatalf("seed %d: the last Want was not answered: %s", seed, said)
		}
	}
}

func meddleWithLinks(w *world, rng *rand.Rand, gen uint64) {
	switch rng.IntN(14) {
	case 0:
		w.k.DeleteLink("vrrp.51")
	case 1:
		w.k.SetUp("vrrp.51", rng.IntN(2) == 0)
	case 2:
		w.k.DeleteLink("eth0")
	case 3:
		w.k.AddLinkOnce("eth0")
	case 4:
		w.k.RenameLink("eth0", "eth9")
	case 5:
		w.k.RenameLink("vrrp.51", "stray")
	case 6:
		w.k.DropAnswers = rng.IntN(2)
	case 7:
		w.k.LoseEvents()
	case 8:
		w.k.Hold = !w.k.Hold
	case 9:
		w.k.DelAddr("vrrp.51", "10.0.0.3/24")
	case 10:
		w.r.Want(2, gen, onVMAC(rng.IntN(2) == 0))
	case 11:
		w.r.Forget(2)
	case 12:
		w.r.Want(1, gen, onVMAC(true, "10.0.0.3/24", "fd00::3/64"))
	case 13:
		w.r.Want(1, gen, onVMAC(false))
	}
}

func TestVirtualLinkMakesNoSense(t *testing.T) {
	for _, name := range []string{"", "..", "a/b", "much-too-long-a-name", "eth0"} {
		w := newWorld(t)
		v := vmac(false)
		v.Name = name
		w.r.Want(1, 1, host.State{Links: []host.VirtualLink{v}})
		w.expect(fmt.Sprintf("applied 1.1 final [%s: %s]", name, host.NotALink), "", "eth0 up:")
	}
}

// An interface is there again, and the kernel refuses the virtual link on it: whoever wants that is told, and may want it again.
func TestVirtualLinkRefusedLater(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(false))
	w.run()
	w.k.DeleteLink("eth0")
	w.run()
	w.heard()
	w.k.Refuse = func(op host.Op) string { return "no memory" }
	w.k.AddLink("eth0", true)
	w.expect("applied 1.1 final [vrrp.51: no memory]", "+vrrp.51@eth0", "eth0 up:")
	w.k.Refuse = nil
	w.r.Want(1, 2, onVMAC(false))
	w.expect("applied 1.2\napplied 1.2 final [vrrp.51]", "+vrrp.51@eth0", "eth0 up:\nvrrp.51 down:")
}

// What stands on a link that is taken down because its new base is not there goes with it: it is not said to stand (seed 200015103 rich).
func TestVirtualLinkWhoseNewBaseIsMissing(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, onVMAC(true, "fd00::3/64"))
	w.run()
	w.heard()
	moved := onVMAC(true, "fd00::3/64")
	moved.Links[0].Base = "eth1"
	w.r.Want(1, 2, moved)
	w.run()
	said, ops := w.heard()
	if strings.Contains(said, "[fd00::3/64 vrrp.51]") || !strings.Contains(said, "[fd00::3/64 vrrp.51: ") {
		t.Errorf("reported %s", said)
	}
	if ops != "down vrrp.51@eth1" || strings.TrimSpace(w.k.String()) != "eth0 up:\nvrrp.51 down:" {
		t.Errorf("operations %s, kernel %s", ops, w.k)
	}
}
