package supervisor

import (
	"slices"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/sched"
)

func TestARaisedPriorityOutlastsAReload(t *testing.T) {
	for _, c := range []struct{ raised, configured, max, want int }{
		{0, 0, 0, 0},
		{0, 5, 20, 5},
		{7, 0, 20, 7},
		{7, 10, 20, 10},
		{7, 0, 5, 5},
		{7, 2, 0, 2},
		{7, 2, -1, 2},
	} {
		next := sched.Setup{RealTime: c.configured}
		(&child{raised: c.raised}).keepRaised(&next, &config.AutoPriority{Max: c.max})
		if next.RealTime != c.want {
			t.Errorf("raised to %d, configured %d, at most %d: %d, want %d", c.raised, c.configured, c.max, next.RealTime, c.want)
		}
	}
}

func TestWhoMayBeRaisedMayTakeLeave(t *testing.T) {
	for top, want := range map[int]bool{-1: false, 0: false, 1: true, 99: true} {
		cfg := &config.Config{}
		cfg.Global.Auto.Max = top
		setup := (&child{name: "vrrp"}).setupFor(cfg, &Options{})
		if got := slices.Contains(setup.Caps, sched.SysNice); got != want {
			t.Errorf("max_auto_priority %d: CAP_SYS_NICE %v", top, got)
		}
	}
}
