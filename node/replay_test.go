package node

import (
	"bytes"
	"testing"

	"holdfast.dev/clock"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/vrrp"
)

// FuzzReplay: a file that is no recording, or one of a state that no engine has ever been in, is refused or runs; nothing else happens.
func FuzzReplay(f *testing.F) {
	for _, from := range []int{0, 2} {
		now := clock.Now{Mono: 1e9, Boot: 1e9, Wall: 1e18}
		r := NewRecorder(now, nobody{})
		var kept bytes.Buffer
		c := &vrrp.Config{Routers: []vrrp.Spec{{Name: "A", VRID: 1, Version: 2, Link: "eth0", Priority: 255, Interval: 1e9, DownAdverts: 3}}}
		for i, ev := range []vrrp.Event{&vrrp.LinkChanged{Link: eth0}, &vrrp.Configure{Config: c}, &vrrp.Wakeup{}, &vrrp.Stop{Within: 1e9}} {
			if i == from {
				nstest.OK(f, r.Record(1<<20, func(line []byte) bool { kept.Write(line); return true }))
			}
			r.Handle(now, ev)
		}
		f.Add(kept.Bytes())
	}
	f.Fuzz(func(t *testing.T, recording []byte) {
		if len(recording) < 1<<16 {
			_, _ = Replay(bytes.NewReader(recording), nil, nil)
		}
	})
}
