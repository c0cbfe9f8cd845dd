package vrrp

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

// Rule P6: what people see of a router are its counters. Each script says which of them moved, and by how much.
func TestCounters(t *testing.T) {
	const two = `
		router A vrid=1 prio=100 repeat=2 addr=192.0.2.101/32,192.0.2.102/32
		link eth0 192.0.2.1/24
		start
		`
	const three = `
		router A vrid=1 prio=100 v=3 addr=192.0.2.101/32
		link eth0 192.0.2.1/24
		start
		`
	const trusting = `
		router A vrid=1 prio=100 addr=192.0.2.101/32 skipaddrs
		link eth0 192.0.2.1/24
		start
		`
	const master = two + "run 3700ms\n"
	base := Stats{BecomeMaster: 1, Sent: 1, Announced: 4}
	for name, c := range map[string]struct {
		text string
		want func(s *Stats)
	}{
		"heard":           {two + "advert from 192.0.2.2 prio 200", func(s *Stats) { *s = Stats{Received: 1} }},
		"goodbye":         {two + "advert from 192.0.2.2 prio 0", func(s *Stats) { *s = Stats{Received: 1, ZeroReceived: 1} }},
		"master":          {master, func(*Stats) {}},
		"goodbye answer":  {master + "advert from 192.0.2.2 prio 0", func(s *Stats) { s.Received, s.ZeroReceived, s.Sent = 1, 1, 2 }},
		"lower":           {master + "advert from 192.0.2.2 prio 50", func(s *Stats) { s.Received, s.LowerHeard, s.Sent = 1, 1, 2 }},
		"own address":     {master + "advert from 192.0.2.1 prio 100", func(s *Stats) { s.Received, s.OwnAddress = 1, 1 }},
		"higher":          {master + "advert from 192.0.2.2 prio 150", func(s *Stats) { s.Received, s.ReleaseMaster = 1, 1 }},
		"lost":            {master + "lost A 192.0.2.101/32", func(s *Stats) { s.AddressLost, s.Announced = 1, 6 }},
		"slept":           {master + "pause 10s", func(s *Stats) { s.Slept, s.Sent, s.Announced = 1, 2, 8 }},
		"put off":         {two + "at 3s\npause 2s", func(s *Stats) { *s = Stats{PutOff: 1} }},
		"stop":            {master + "stop", func(s *Stats) { s.ReleaseMaster, s.Sent, s.ZeroSent = 1, 2, 1 }},
		"other addresses": {two + "advert from 192.0.2.2 prio 200 addrs=192.0.2.101/32,192.0.2.103/32", func(s *Stats) { *s = Stats{Received: 1, AddrList: 1} }},
		"fewer addresses": {two + "advert from 192.0.2.2 prio 200 addrs=192.0.2.101/32", func(s *Stats) { *s = Stats{Received: 1, AddrList: 1} }},
		"more addresses": {
			two + "advert from 192.0.2.2 prio 200 addrs=192.0.2.101/32,192.0.2.102/32,192.0.2.103/32",
			func(s *Stats) { *s = Stats{Received: 1, AddrList: 1} },
		},
		"only others": {two + "advert from 192.0.2.2 prio 200 addrs=192.0.2.103/32,192.0.2.104/32", func(s *Stats) { *s = Stats{Received: 1, AddrList: 1} }},
		"not looked at": {
			trusting + strings.Repeat("advert from 192.0.2.2 prio 200 addrs=192.0.2.103/32\n", 3), // the first is not its master's yet
			func(s *Stats) { *s = Stats{Received: 3, AddrList: 1} },
		},
		"bad checksum": {two + "advert from 192.0.2.2 prio 200 badsum", func(s *Stats) {
			*s = Stats{}
			s.Dropped[wire.BadChecksum] = 1
		}},
		"low TTL": {two + "advert from 192.0.2.2 prio 200 ttl=254", func(s *Stats) {
			*s = Stats{}
			s.Dropped[wire.WrongTTL] = 1
		}},
		"no sum but one": {three + "advert from 192.0.2.2 prio 200 sum=plain", func(s *Stats) {
			*s = Stats{}
			s.Dropped[wire.BadChecksum] = 1
		}},
		"pseudo sum":     {three + "advert from 192.0.2.2 prio 200 sum=pseudo", func(s *Stats) { *s = Stats{Received: 1, SumPseudo: 1} }},
		"other interval": {three + "advert from 192.0.2.2 prio 200 int=2s", func(s *Stats) { *s = Stats{Received: 1, SumPseudo: 1, IntervalDiffers: 1} }},
	} {
		w := script(t, c.text)
		want := base
		c.want(&want)
		if !strings.HasPrefix(c.text, three) {
			want.SumPlain = want.Received // version 2 has no other form
		}
		got := w.e.routers[0].stats
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v\n%s", name, got, want, w.out.String())
		}
	}
}

// A long pause is not forgotten for a short one that comes after it.
func TestPausesAreRemembered(t *testing.T) {
	var p pause
	at := func(d time.Duration) clock.Instant { return clock.Instant(time.Hour + d) }
	p.note(stood{end: at(0), length: 3 * time.Second})
	p.note(stood{end: at(time.Second), length: 600 * time.Millisecond})
	p.note(stood{end: at(1200 * time.Millisecond), length: 20 * time.Millisecond})
	for _, c := range []struct {
		interval time.Duration
		now      time.Duration
		want     bool
	}{
		{5 * time.Second, 2 * time.Second, true}, // the first could have hidden it
		{6100 * time.Millisecond, 2 * time.Second, false},
		{5 * time.Second, 5 * time.Second, false}, // a whole interval has passed
		{time.Second, 1500 * time.Millisecond, true},
		{30 * time.Millisecond, 1210 * time.Millisecond, true},
		{30 * time.Millisecond, 1230 * time.Millisecond, false},
	} {
		if got := p.hides(c.interval, at(c.now)); got != c.want {
			t.Errorf("interval %v, %v after the first: %v", c.interval, c.now, got)
		}
	}
	for i := range 3 * len(p.stood) { // ever shorter ones, all within reach: there is room for so many
		p.note(stood{end: at(2*time.Second + time.Duration(i)*time.Millisecond), length: time.Second - time.Duration(i)*time.Millisecond})
	}
	if p.n > len(p.stood) {
		t.Errorf("%d are remembered", p.n)
	}
}

// A MASTER that is MASTER again before its burst was over, because of a gap between announcements, announces all addresses anew.
func TestBurstAfterAnInterruptedBurst(t *testing.T) {
	w := script(t, `config garp=1s
		router A vrid=1 prio=200 repeat=2 addr=192.0.2.101/32,192.0.2.102/32,192.0.2.103/32
		link eth0 192.0.2.1/24
		start
		run 4s
		advert from 192.0.2.2 prio 250
		run 100ms
		advert from 192.0.2.2 prio 0
		run 300ms`)
	if r := w.e.routers[0]; r.state != Master {
		t.Fatalf("it is %v", r.state)
	}
	from := w.e.routers[0].stats.Announced
	w.line("run 12s")
	if n := w.e.routers[0].stats.Announced - from; n < 5 {
		t.Errorf("%d announcements, want those of two rounds of three addresses", n)
	}
	for _, a := range []string{"192.0.2.101@", "192.0.2.102@", "192.0.2.103@"} {
		if !strings.Contains(w.out.String(), a) {
			t.Errorf("%s is never announced", a)
		}
	}
}

// A group that takes over members of one that goes on with others is a new one, and its state is news.
func TestGroupOfMembersThatWereAnothers(t *testing.T) {
	w := script(t, `router A vrid=1 prio=200 addr=192.0.2.101/32
		router B vrid=2 prio=200 addr=192.0.2.102/32
		router C vrid=3 prio=200 addr=192.0.2.103/32
		group G A B
		link eth0 192.0.2.1/24
		start
		run 4s
		ungroup G
		group H A B
		group G C`)
	w.notified = nil
	w.line("reload")
	w.line("run 1s")
	told := map[string]string{}
	for _, ev := range w.notified {
		told[ev.Name] = ev.State
	}
	if told["H"] != "MASTER" {
		t.Errorf("told %v", w.notified)
	}
}

// A refusal is on the status page at once; after a stop nothing that comes in is looked at any more.
func TestRefusalIsShown(t *testing.T) {
	w := script(t, `router A vrid=1 prio=100 addr=192.0.2.101/32
		link eth0 192.0.2.1/24
		start
		run 100ms`)
	w.e.Touched()
	w.line("advert from 192.0.2.2 prio 200 badsum")
	if got := w.e.Touched(); len(got) != 1 || got[0].stats.Dropped[wire.BadChecksum] != 1 {
		t.Errorf("%d routers are to be shown", len(got))
	}
	w.line("stop")
	w.line("run 2s")
	w.e.Touched()
	before := w.out.Len()
	for _, line := range []string{"advert from 192.0.2.2 prio 200", "advert from 192.0.2.2 prio 200 badsum", "bytes 192.0.2.2 21"} {
		w.line(line)
	}
	if w.out.Len() != before || len(w.e.Touched()) != 0 {
		t.Errorf("after the stop:\n%s", w.out.String()[before:])
	}
}

// What stands of a MASTER's addresses and what the kernel has refused is counted.
func TestStatusCountsAddresses(t *testing.T) {
	w := script(t, `router A vrid=1 prio=200 addr=192.0.2.101/32,192.0.2.102/32,192.0.2.103/32
		link eth0 192.0.2.1/24
		refuse 192.0.2.102/32
		start
		run 4s`)
	var s Status
	w.e.routers[0].Status(&s)
	if s.State != Master || s.Standing != 2 || s.Refused != 1 || s.Master != w.e.routers[0].source || s.MasterPriority != 200 {
		t.Errorf("%v: %d stand, %d are refused, master %v %d", s.State, s.Standing, s.Refused, s.Master, s.MasterPriority)
	}
}
