package durations

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// Rules M1, E11, H1: the first burst follows the kernel's confirmation, the second garp_master_delay after the transition, and
// then one at every garp_master_refresh.
func TestGratuitousARP(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		const delay, refresh = 2 * time.Second, 3 * time.Second
		w := newWorld(t, 1)
		r := w.routers[0]
		file, _ := pair([]lab.Router{{VRID: 1, Version: 3, Interval: time.Second, Lines: []string{
			"garp_master_delay 2", "garp_master_repeat 3", "garp_master_refresh 3", "garp_master_refresh_repeat 1",
		}}})
		c := file.Routers[0]
		addr := netip.MustParseAddr("10.0.0.101")
		r.start(p, file)
		time.Sleep(c.Down() + 14*time.Second)
		first, ok := w.adverts(c).first()
		confirmed, done := r.confirmed(addr)
		garp := w.announcements(r, addr)
		if !ok || !done || len(garp) < 3+3+4 {
			t.Fatalf("master: %v, address confirmed: %v, %d gratuitous ARPs", ok, done, len(garp))
		}
		judge(t, p, "the kernel's confirmation after the first advert", confirmed.Sub(first.at), 0)
		judge(t, p, "the first burst after the confirmation", garp[0].Sub(confirmed), 0)
		judge(t, p, "the end of the first burst", garp[2].Sub(garp[0]), 0)
		var times []time.Duration
		for _, at := range garp[3:] {
			times = append(times, at.Sub(first.at))
		}
		t.Logf("%s: the others, after the first advert: %v", p.name, times)
		// What is left of the list once the refreshes are taken out is the second burst.
		judgeGap(t, p, "the second burst after the first advert", times[0], delay)
		for k, at := 1, times[3:]; len(at) > 0; k, at = k+1, at[1:] {
			judgeGap(t, p, "a refresh after the first advert", at[0], time.Duration(k)*refresh)
		}
	})
}

// Rule M5: packets on one link keep the configured distance.
func TestGratuitousARPInterval(t *testing.T) {
	const gap = 50 * ms
	w := newWorld(t, 1)
	r := w.routers[0]
	file, _ := pair([]lab.Router{{
		VRID: 1, Version: 3, Interval: time.Second, VIPs: []string{"10.0.0.101/32", "10.0.0.102/32", "10.0.0.103/32"},
		Lines: []string{"garp_master_delay 0", "garp_master_repeat 2"},
	}})
	file.Global = []string{"vrrp_garp_interval 0.05"}
	r.start(ours, file)
	time.Sleep(file.Settled() + 3*time.Second)
	var all []time.Time
	for _, addr := range file.Routers[0].VR().VIPs {
		all = append(all, w.announcements(r, addr)...)
	}
	if len(all) != 6 {
		t.Fatalf("%d gratuitous ARPs, not 6", len(all))
	}
	slices.SortFunc(all, time.Time.Compare)
	for i := range all[1:] {
		judgeGap(t, ours, "from one gratuitous ARP to the next", all[i+1].Sub(all[i]), gap)
	}
}
