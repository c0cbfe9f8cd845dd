package node

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// What went wrong in other VRRP daemons: docs/regressions.md.

func TestRegressionA20_GlobalRefreshIsTakenOver(t *testing.T) {
	c := load(t, "global_defs {\nvrrp_garp_master_refresh 60\nvrrp_garp_master_refresh_repeat 2\n}\n"+ownerConf)
	if g := VRRPConfig(c).Routers[0].Garp; g.Refresh != time.Minute || g.RefreshRepeat != 2 {
		t.Errorf("%+v", g)
	}
}

func TestRegressionB28_AdvertsGoOnDuringALongReload(t *testing.T) {
	l := newLab(t)
	p := l.start("vrrp")
	text := strings.ReplaceAll(ownerConf, "advert_int 8", "version 3\nadvert_int 0.05")
	p.reload(role.Prepare{Gen: 1}, text, l.pageFile)
	nstest.Eventually(t, "it is MASTER", l.master)
	if r := p.prepare(role.Prepare{Gen: 2, Reload: true}, load(t, strings.ReplaceAll(text, "100/24 }", "100/24\n192.0.2.101/24 }"))); r.Err != "" {
		t.Fatal(r.Err)
	}
	// Somebody else is not ready yet. Until he is, many times what a backup would wait for passes.
	l.priorities()
	var heard []byte
	nstest.Eventually(t, "twenty adverts of a MASTER that has prepared a reload", func() bool {
		heard = append(heard, l.priorities()...)
		return len(heard) >= 20
	})
	p.commit(2)
	n := len(heard)
	nstest.Eventually(t, "and twenty more afterwards", func() bool {
		heard = append(heard, l.priorities()...)
		return len(heard) >= n+20
	})
	if bytes.Contains(heard, []byte{0}) {
		t.Errorf("it said goodbye: %v", heard)
	}
	p.stop(role.Stop{Within: 30 * time.Second})
}

func TestRegressionC69_MembershipIsRestored(t *testing.T) {
	if !inside(t) {
		return
	}
	index := veth(t, "eth0", "far0")
	th, k := newThread(t)
	spec := plain()
	spec.IPv6, spec.Version, spec.Group = true, 3, addr("ff02::12")
	k.Link("eth0", index, 1500)
	nstest.OK(t, k.Prepare(&vrrp.Config{Routers: []vrrp.Spec{spec}}, func(*vrrp.Port, int) int { return 0 }))
	k.Commit(nil)
	const group = "ff020000000000000000000000000012"
	member := func() bool {
		text, err := os.ReadFile("/proc/thread-self/net/igmp6")
		nstest.OK(t, err)
		return strings.Contains(string(text), group)
	}
	if !member() {
		t.Fatal("not a member to begin with")
	}
	lk, err := netlink.LinkByIndex(index)
	nstest.OK(t, err)
	for _, mtu := range []int{1200, 1500} {
		nstest.OK(t, netlink.LinkSetMTU(lk, mtu))
		if member() {
			t.Fatalf("a member at MTU %d", mtu)
		}
	}
	k.Link("eth0", index, 1500) // as every change of the interface is told
	nstest.Eventually(t, "it is a member again", member)
	nstest.Eventually(t, "it says so", func() bool {
		th.mu.Lock()
		defer th.mu.Unlock()
		return slices.ContainsFunc(th.said, func(s string) bool { return strings.Contains(s, "ff02::12 any more") })
	})
}
