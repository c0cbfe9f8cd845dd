package node

import (
	"bytes"
	"strings"
	"testing"

	"holdfast.dev/clock"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/vrrp"
)

// A recording that cannot be gone on with is refused with the number of the line and with what is wrong there.
func TestReplayNamesTheLine(t *testing.T) {
	now := clock.Now{Mono: 1e9, Boot: 1e9, Wall: 1e18}
	r := NewRecorder(now, nobody{})
	var lines []string
	nstest.OK(t, r.Record(1<<20, func(line []byte) bool { lines = append(lines, string(line)); return true }))
	c := &vrrp.Config{Routers: []vrrp.Spec{{Name: "A", VRID: 1, Version: 2, Link: "eth0", Priority: 255, Interval: 1e9, DownAdverts: 3}}}
	for _, ev := range []vrrp.Event{&vrrp.LinkChanged{Link: eth0}, &vrrp.Configure{Config: c}, &vrrp.Wakeup{}} {
		r.Handle(now, ev)
	}
	if n, err := Replay(strings.NewReader(strings.Join(lines, "")), nil, nil); n != 3 || err != nil {
		t.Fatalf("%d events, %v", n, err)
	}
	for bad, want := range map[string]string{
		"nonsense\n":                                             "line 3: invalid character 'o' in literal null (expecting 'u')",
		`{"N":[1,1,1],"K":"Nothing"}` + "\n":                     `line 3: no event is called "Nothing"`,
		`{"N":[1,1,1],"K":"Lost","E":[]}` + "\n":                 "line 3: Lost: json: cannot unmarshal array into Go value of type vrrp.Lost",
		strings.Replace(lines[2], `"Name":"A"`, `"Name":"B"`, 1): "line 3: Configure is decided otherwise than it was recorded",
	} {
		n, err := Replay(strings.NewReader(lines[0]+lines[1]+bad), nil, nil)
		if n != 1 || err == nil || err.Error() != want {
			t.Errorf("%s: %d events, %v; want %s", bad, n, err, want)
		}
	}
}

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
