package track

import (
	"testing"
	"time"
)

// A check is the same machine as a script with other words: its reason is the log's, and it has no exit code to tell of.
func TestCheckWords(t *testing.T) {
	b := newBench(Spec{Kind: OfCheck, Name: "c", Interval: time.Second, Probe: Probe{Does: Exists, Path: "/x"}})
	b.until(0)
	b.step(Ended{Run: b.run, Err: "/x: no such file or directory"})
	b.want(t, "0s run", `0s "VRRP_Check(c) failed (/x: no such file or directory)"`, "0s down")
	b.until(time.Second)
	b.step(Ended{Run: b.run})
	b.want(t, "1s run", `1s "VRRP_Check(c) succeeded"`, "1s up")
	if st := b.s.State(); st.ID() != (ID{OfCheck, "c"}) {
		t.Error(st)
	}
	b.step(Reconfigure{Spec{Kind: OfCheck, Name: "c", Interval: time.Second, Probe: Probe{Does: Exists, Path: "/x"}}})
	b.want(t, `1s "VRRP_Check(c) considered successful on reload"`)
	b.step(Reconfigure{Spec{Kind: OfCheck, Name: "c", Interval: time.Second, Probe: Probe{Does: Exists, Path: "/y"}}})
	b.want(t, "1s unknown", "1s run")
	if st := b.s.State(); st.Kind != OfCheck || !st.Reload {
		t.Error(st)
	}
}
