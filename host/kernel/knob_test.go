package kernel

import (
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
)

// TestPromoteSecondaries is rule K12 on this kernel.
func TestPromoteSecondaries(t *testing.T) {
	t.Parallel()
	a := ground(t)
	o := watchOver(t, a, Config{})
	is := func(want string) {
		t.Helper()
		if got, err := a.Sysctl("net/ipv4/conf/eth0/promote_secondaries"); err != nil || got != want {
			t.Errorf("promote_secondaries is %q, %v, want %q", got, err, want)
		}
	}
	nstest.OK(t, a.SetSysctl("net/ipv4/conf/eth0/promote_secondaries", "0"))
	o.stand(1, 1, host.State{Promote: []string{"eth0"}})
	is("1")
	o.stand(1, 2, host.State{})
	is("0")
	nstest.OK(t, a.SetSysctl("net/ipv4/conf/eth0/promote_secondaries", "1"))
	o.stand(1, 3, host.State{Promote: []string{"eth0"}})
	o.stand(1, 4, host.State{})
	is("1")
}
