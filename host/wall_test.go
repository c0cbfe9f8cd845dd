package host_test

import (
	"strings"
	"testing"

	"holdfast.dev/host"
)

var wall = host.Wall{WallName: host.WallName{Table: "keepalived", Mark: "test"}, Priority: -1, V4: true, V6: true}

func barred(list ...string) host.State {
	s := want(list...)
	for i := range s.Addresses {
		s.Addresses[i].Barred = true
	}
	return s
}

// walled has owner 1 want what it wants, and then Static the firewall, as the election does.
func (w *world) walled(gen uint64, s host.State, fw host.Wall) {
	w.r.Want(1, gen, s)
	w.r.Want(host.Static, gen, host.State{Wall: fw})
}

func (w *world) expectWall(want string) {
	w.t.Helper()
	if got := w.k.Wall(); got != want {
		w.t.Errorf("the firewall is %q, want %q", got, want)
	}
	if len(w.k.Open) > 0 {
		w.t.Errorf("added while nothing barred them: %v", w.k.Open)
	}
}

// The firewall stands before the address, and what is barred is so until the address is gone (rule N1). The table goes last.
func TestWallBeforeAddress(t *testing.T) {
	w := newWorld(t)
	w.walled(1, host.State{}, wall)
	w.expect("applied 1.1 final\napplied 0.1 final", "wall keepalived anew", "eth0 up:")
	w.r.Want(1, 2, barred("10.0.0.3/24", "fd00::3/64"))
	w.expect("applied 1.2\napplied 1.2 final [10.0.0.3/24 eth0] [fd00::3/64 eth0]",
		"wall keepalived +10.0.0.3 +fd00::3, +10.0.0.3/24 eth0, +fd00::3/64 eth0", "eth0 up: 10.0.0.3/24 fd00::3/64")
	w.expectWall("keepalived: 10.0.0.3 fd00::3")
	w.r.Want(1, 3, host.State{})
	w.r.Want(host.Static, 3, host.State{})
	w.run()
	_, ops := w.heard()
	if ops != "-10.0.0.3/24 eth0, -fd00::3/64 eth0, wall keepalived gone" {
		t.Errorf("at the end: %s", ops)
	}
	w.expectWall("")
}

// What another process of ours has left standing is barred without a moment in between: the first table has it.
func TestWallOfThoseWhoGoOn(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "10.0.0.3/24")
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.run()
	if _, ops := w.heard(); ops != "wall keepalived anew +10.0.0.3" {
		t.Errorf("operations: %s", ops)
	}
	w.expectWall("keepalived: 10.0.0.3")
}

// A change of the accept mode alone touches the firewall and no address (rule N6). The same configuration again touches nothing.
func TestRegressionB40_AcceptToggledChangesTheFirewall(t *testing.T) {
	w := newWorld(t)
	w.walled(1, want("10.0.0.3/24"), wall)
	w.run()
	w.heard()
	for _, step := range []struct {
		state host.State
		ops   string
	}{
		{barred("10.0.0.3/24"), "wall keepalived +10.0.0.3"},
		{barred("10.0.0.3/24"), ""},
		{want("10.0.0.3/24"), "wall keepalived -10.0.0.3"},
	} {
		w.walled(2, step.state, wall)
		w.run()
		if _, ops := w.heard(); ops != step.ops {
			t.Errorf("operations: %s, want %s", ops, step.ops)
		}
	}
}

// What somebody flushes is put back as it was.
func TestWallFlushed(t *testing.T) {
	w := newWorld(t)
	w.walled(1, barred("10.0.0.3/24", "10.0.0.4/24"), wall)
	w.run()
	w.heard()
	w.k.Flush()
	w.expect("", "wall keepalived anew +10.0.0.3 +10.0.0.4", "eth0 up: 10.0.0.3/24 10.0.0.4/24(s)")
	w.expectWall("keepalived: 10.0.0.3 10.0.0.4")
}

// Without the firewall an address that is to be barred does not stand, and says why; it is tried again when it is wanted again.
func TestRegressionC70_FirewallThatFailsIsAnError(t *testing.T) {
	w := newWorld(t)
	refuse := func(op host.Op) string {
		if op.Wall != nil {
			return "no"
		}
		return ""
	}
	w.k.Refuse = refuse
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.run()
	said, _ := w.heard()
	if !strings.Contains(said, "[10.0.0.3/24 eth0: firewall: no]") || w.k.String() != "eth0 up:\n" {
		t.Errorf("reported %s, kernel %s", said, w.k)
	}
	w.k.Refuse = nil
	w.r.Want(1, 2, barred("10.0.0.3/24"))
	w.run()
	if said, _ = w.heard(); said != "applied 1.2\napplied 1.2 final [10.0.0.3/24 eth0]" {
		t.Errorf("reported %s", said)
	}
	w.k.Refuse = refuse
	w.k.Flush()
	w.run()
	if said, _ = w.heard(); !strings.Contains(said, "[10.0.0.3/24 eth0: firewall: no]") || w.k.String() != "eth0 up:\n" {
		t.Errorf("after a flush: reported %s, kernel %s", said, w.k)
	}
}

// Link-local addresses are barred on their link, by name or by number (rule N5); by number also when the link is another one.
func TestWallLinkLocal(t *testing.T) {
	w := newWorld(t)
	w.walled(1, barred("fe80::3/64"), wall)
	w.run()
	w.expectWall("keepalived: fe80::3%eth0")
	byIndex := wall
	byIndex.ByIndex = true
	w.walled(2, barred("fe80::3/64"), byIndex)
	w.run()
	w.expectWall("keepalived: fe80::3%1")
	w.k.DeleteLink("eth0")
	w.run()
	w.k.AddLink("eth0", true)
	w.run()
	w.expectWall("keepalived: fe80::3%2")
	if got := w.k.String(); got != "eth0 up: fe80::3/64\n" {
		t.Errorf("the kernel has %s", got)
	}
}

// Other settings have the table made anew, with all that is in it.
func TestWallReshaped(t *testing.T) {
	w := newWorld(t)
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.run()
	w.heard()
	other := wall
	other.Counters = true
	w.walled(2, barred("10.0.0.3/24"), other)
	w.run()
	if _, ops := w.heard(); ops != "wall keepalived anew +10.0.0.3" {
		t.Errorf("operations: %s", ops)
	}
}

// In a VRF packets come in on the VRF, for the firewall. What moves into one or out of one is barred there.
func TestWallInVRF(t *testing.T) {
	w := newWorld(t)
	w.k.SetVRF("red", 77)
	w.run()
	w.walled(1, barred("fe80::3/64"), wall)
	w.run()
	w.expectWall("keepalived: fe80::3%eth0")
	w.k.SetMaster("eth0", "red")
	w.run()
	w.expectWall("keepalived: fe80::3%red")
	byIndex := wall
	byIndex.ByIndex = true
	w.walled(2, barred("fe80::3/64"), byIndex)
	w.run()
	w.expectWall("keepalived: fe80::3%2")
	w.k.SetMaster("eth0", "")
	w.run()
	w.expectWall("keepalived: fe80::3%1")
}

// A table that could not be deleted is deleted later, which Static is told: at the end nothing may be left.
func TestWallThatStays(t *testing.T) {
	w := newWorld(t)
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.run()
	w.heard()
	w.k.Refuse = func(op host.Op) string {
		if op.Wall != nil && op.Wall.Do == host.WallDrop {
			return "busy"
		}
		return ""
	}
	w.walled(2, host.State{}, host.Wall{})
	w.run()
	if said, _ := w.heard(); !strings.Contains(said, "applied 0.2 final unremoved[firewall, table keepalived: busy]") {
		t.Errorf("reported %s", said)
	}
	w.expectWall("keepalived: 10.0.0.3")
	w.k.Refuse = nil
	w.r.Want(host.Static, 3, host.State{})
	w.expect("applied 0.3 final", "wall keepalived gone", "eth0 up:")
	w.expectWall("")
}

// After a change and the new table were refused, what is barred no more is let go of when the kernel is asked again, although no address needs
// it: that is why Static is told.
func TestWallRefusedLeavesNothingBarred(t *testing.T) {
	w := newWorld(t)
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.run()
	w.heard()
	w.k.Refuse = func(op host.Op) string {
		if op.Wall != nil {
			return "busy"
		}
		return ""
	}
	w.walled(2, want("10.0.0.3/24"), wall)
	w.run()
	if said, _ := w.heard(); !strings.Contains(said, "unremoved[firewall, table keepalived: busy]") {
		t.Errorf("reported %s", said)
	}
	w.expectWall("keepalived: 10.0.0.3")
	w.k.Refuse = nil
	w.r.Want(host.Static, 3, host.State{Wall: wall})
	w.expect("applied 0.3 final", "wall keepalived anew", "eth0 up: 10.0.0.3/24")
	w.expectWall("keepalived:")
}

// A firewall of another name stands before the old one goes, and an address is never without.
func TestWallRenamed(t *testing.T) {
	w := newWorld(t)
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.run()
	w.heard()
	chains := host.Wall{WallName: host.WallName{Mark: "test", Chains: host.Chains{In: "INPUT"}}, V4: true}
	w.r.Want(host.Static, 2, host.State{Wall: chains})
	w.expect("applied 0.2\napplied 0.2 final", "wall INPUT anew +10.0.0.3, wall keepalived gone", "eth0 up: 10.0.0.3/24")
}

// Another process may carry the change out: the address waits for its answer, and others for nothing.
func TestWallLater(t *testing.T) {
	w := newWorld(t)
	w.k.WallLater = true
	w.walled(1, barred("10.0.0.3/24"), wall)
	w.r.Want(2, 1, want("10.0.0.9/24"))
	w.expect("applied 1.1\napplied 0.1\napplied 2.1 final [10.0.0.9/24 eth0]", "+10.0.0.9/24 eth0, wall keepalived anew +10.0.0.3", "eth0 up: 10.0.0.9/24")
	w.k.AnswerWall()
	w.expect("applied 0.1 final\napplied 1.1 final [10.0.0.3/24 eth0]", "+10.0.0.3/24 eth0", "eth0 up: 10.0.0.9/24 10.0.0.3/24(s)")
	w.r.Want(1, 2, host.State{})
	w.run()
	w.r.Want(1, 3, barred("10.0.0.3/24")) // while what lets go of it is on its way
	w.run()
	if got := w.k.String(); got != "eth0 up: 10.0.0.9/24\n" {
		t.Errorf("added while it was being let go of: %s", got)
	}
	for range 3 {
		w.k.AnswerWall()
		w.run()
	}
	if got := w.k.String(); got != "eth0 up: 10.0.0.9/24 10.0.0.3/24(s)\n" {
		t.Errorf("the kernel has %s", got)
	}
	w.expectWall("keepalived: 10.0.0.3")
	w.k.Refuse = func(op host.Op) string {
		if op.Wall != nil {
			return "no"
		}
		return ""
	}
	w.k.Flush()
	w.run()
	w.heard()
	w.k.AnswerWall()
	w.run()
	if said, _ := w.heard(); !strings.Contains(said, "[10.0.0.3/24 eth0: firewall: no]") || w.k.String() != "eth0 up: 10.0.0.9/24\n" {
		t.Errorf("after a refusal: reported %s, kernel %s", said, w.k)
	}
}
