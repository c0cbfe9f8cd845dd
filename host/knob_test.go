package host_test

import (
	"testing"

	"holdfast.dev/host"
)

const keyKnob = "promote_secondaries of eth0"

// TestPromoteSecondaries is rule K12: on while anybody wants it, and then as it was.
func TestPromoteSecondaries(t *testing.T) {
	w := newWorld(t)
	s := want("10.0.0.3/24")
	s.Promote = []string{"eth0", "eth0", "eth9"}
	w.r.Want(1, 1, s)
	w.expect("applied 1.1 final [promote_secondaries of eth9: "+host.NoSuchInterface+"] [10.0.0.3/24 eth0] ["+keyKnob+"]",
		"+10.0.0.3/24 eth0, +"+keyKnob, "eth0 up: 10.0.0.3/24")
	w.r.Want(2, 1, host.State{Promote: []string{"eth0"}})
	w.expect("applied 2.1 final ["+keyKnob+"]", "", "eth0 up: 10.0.0.3/24")
	w.r.Want(1, 2, host.State{})
	w.expect("applied 1.2 final", "-10.0.0.3/24 eth0", "eth0 up:")
	w.k.DeleteLink("eth0")
	w.k.AddLink("eth0", true)
	w.run()
	w.heard()
	if !w.k.Promotes("eth0") {
		t.Error("not set on the link that came in its place")
	}
	w.r.Forget(2)
	w.expect("", "-"+keyKnob, "eth0 up:")

	w.k.SetPromote("eth0", true) // it was on: so it stays
	w.r.Want(1, 3, host.State{Promote: []string{"eth0"}})
	w.run()
	w.r.Want(1, 4, host.State{})
	w.run()
	if !w.k.Promotes("eth0") {
		t.Error("switched off although it was not we who switched it on")
	}
}
