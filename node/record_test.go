package node

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// many makes a driver with n routers that are MASTER.
func many(tb testing.TB, n int) (r *Recorder, now clock.Now) {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "vrrp_instance V%d {\ninterface eth%d\nvirtual_router_id %d\npriority 255\nvirtual_ipaddress { 198.51.%d.%d/32 }\n}\n",
			i, i/200, i%200+1, i/200, i%200+1)
	}
	c := VRRPConfig(load(tb, text.String()))
	now = clock.Now{Mono: 1e9, Boot: 1e9, Wall: 1e18}
	r = NewRecorder(now, nobody{})
	for i := range n/200 + 1 {
		l := eth0
		l.Name, l.Index = fmt.Sprintf("eth%d", i), i+2
		r.Handle(now, &vrrp.LinkChanged{Link: l})
	}
	r.Handle(now, &vrrp.Configure{Config: c})
	for range 20 {
		now = clock.Now{Mono: now.Mono.Add(time.Second), Boot: now.Boot.Add(time.Second), Wall: now.Wall + int64(time.Second)}
		r.Handle(now, &vrrp.AdvertsDue{})
		r.Handle(now, &vrrp.Wakeup{})
	}
	return r, now
}

// What cannot be recorded is said at once, and the driver goes on.
func TestRecordOfTooLittle(t *testing.T) {
	r, now := many(t, 3)
	if err := r.Record(100, func([]byte) bool { t.Error("written"); return true }); err == nil || r.Recording() {
		t.Errorf("recording %v: %v", r.Recording(), err)
	}
	r.Handle(now, &vrrp.Wakeup{})
}

// The state of an engine is all that can be reached from it. What an interface or a function holds could not be written down; the actions
// of the last Step, which the next one forgets, are the only such thing.
func TestStateCanBeWritten(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(path string, typ reflect.Type)
	look = func(path string, typ reflect.Type) {
		if seen[typ] || typ == reflect.TypeFor[vrrp.Action]() || typ == reflect.TypeFor[netip.Addr]() || typ == reflect.TypeFor[netip.Prefix]() ||
			typ == reflect.TypeFor[wire.AHKey]() || typ == reflect.TypeFor[wire.TrailerKey]() { // made anew by Revive
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
			t.Errorf("%s is a %s", path, typ)
		case reflect.Pointer, reflect.Slice, reflect.Array:
			look(path, typ.Elem())
		case reflect.Map:
			look(path+" key", typ.Key())
			look(path, typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				look(path+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
		}
	}
	look("", reflect.TypeFor[recordState]())
}

// Keys are not written down with the state, and adverts are signed and verified with the same ones all the same.
func TestRecordKeepsKeys(t *testing.T) {
	const head = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\npriority 255\nvirtual_ipaddress { 192.0.2.100/24 }\n"
	for name, text := range map[string]string{
		"hmac": head + "auth_hmac {\nkey 7 0123456789abcdef0123456789abcdef\nkey 9 abcdef0123456789abcdef0123456789\nactive_key 7\n}\n}",
		"ah":   head + "version 2\nauthentication {\nauth_type AH\nauth_pass secret\n}\n}",
	} {
		r := NewRecorder(clock.Now{Mono: 1e9, Boot: 1e9, Wall: 1e18}, nobody{})
		now := clock.Now{Mono: 1e9, Boot: 1e9, Wall: 1e18}
		r.Handle(now, &vrrp.LinkChanged{Link: eth0})
		r.Handle(now, &vrrp.Configure{Config: VRRPConfig(load(t, text))})
		var kept bytes.Buffer
		nstest.OK(t, r.Record(1<<20, func(line []byte) bool { kept.Write(line); return true }))
		for range 5 {
			now = clock.Now{Mono: now.Mono.Add(time.Second), Boot: now.Boot.Add(time.Second), Wall: now.Wall + int64(time.Second)}
			r.Handle(now, &vrrp.AdvertsDue{})
			r.Handle(now, &vrrp.Wakeup{})
		}
		sent := &sends{}
		if n, err := Replay(&kept, sent, nil); err != nil || n != 10 || sent.n < 4 {
			t.Errorf("%s: %d events, %d adverts, %v", name, n, sent.n, err)
		}
	}
}

type sends struct {
	nobody
	n int
}

func (s *sends) Send(*vrrp.Send) error { s.n++; return nil }

// An engine that is driven without being recorded costs nothing more.
func TestNotRecordingAllocatesNothing(t *testing.T) {
	r, now := many(t, 3)
	step := func() {
		now = clock.Now{Mono: now.Mono.Add(time.Second), Boot: now.Boot.Add(time.Second), Wall: now.Wall + int64(time.Second)}
		r.Handle(now, &vrrp.AdvertsDue{})
		r.Handle(now, &vrrp.Wakeup{})
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 3 { // the two events, which a loop has once
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRecordFromTheMiddle is how long the election stands still when a recording begins while the daemon runs.
func BenchmarkRecordFromTheMiddle(b *testing.B) {
	for _, n := range []int{1, 50, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, _ := many(b, n)
			size := 0
			for b.Loop() {
				if err := r.Record(1<<30, func(line []byte) bool { size = len(line); return true }); err != nil {
					b.Fatal(err)
				}
				r.End()
			}
			b.ReportMetric(float64(size), "octets")
		})
	}
}

// BenchmarkRecording is what an event costs while it is recorded.
func BenchmarkRecording(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprint(on), func(b *testing.B) {
			r, now := many(b, 50)
			if on {
				if err := r.Record(1<<40, func([]byte) bool { return true }); err != nil {
					b.Fatal(err)
				}
			}
			due := &vrrp.AdvertsDue{}
			for b.Loop() {
				now = clock.Now{Mono: now.Mono.Add(time.Second), Boot: now.Boot.Add(time.Second), Wall: now.Wall + int64(time.Second)}
				r.Handle(now, due)
			}
		})
	}
}
