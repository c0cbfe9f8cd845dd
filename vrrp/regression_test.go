package vrrp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// What went wrong in other VRRP daemons: docs/regressions.md. Sections A and B: elections, timers, adverts, reload. Many have a longer scenario of
// their own in testdata.

// begin is the beginning of most scripts: one router, its link and its start.
func begin(router string) string { return "router R " + router + "\nlink eth0 192.0.2.5/24\nstart\n" }

func TestRegressionA1_ReloadDuringTheStartupDelay(t *testing.T) {
	// The delay ends when it would have, and adverts count, whatever the instant of the reload.
	for at := range 50 {
		heard := fmt.Sprintf("config delay=4s\n%sat %dms reload\nat 5s advert from 192.0.2.9 prio 200\nat 8s advert from 192.0.2.9 prio 200\nrun 3s",
			begin("prio=100"), at*100)
		follow(t, heard, "5.000  log -D1: (R) master set to 192.0.2.9", "never MASTER:")
		silent := fmt.Sprintf("config delay=4s\n%sat %dms reload\nrun 10s", begin("prio=100"), at*100)
		follow(t, silent, "7.609  R BACKUP -> MASTER")
	}
}

func TestRegressionA2_ReloadWithoutTheDelay(t *testing.T) {
	follow(t, "config delay=4s\n"+begin("prio=100")+"config delay=0s\nat 2s reload\nat 3s advert from 192.0.2.9 prio 200\nrun 3s",
		"3.000  log -D1: (R) master set to 192.0.2.9", "never MASTER:")
	follow(t, "config delay=4s\n"+begin("prio=100")+"config delay=0s\nat 2s reload\nrun 5s", "R BACKUP -> MASTER")
}

func TestRegressionA3_DelayChangedByReload(t *testing.T) {
	for delay, want := range map[string]string{"8s": "11.609", "6s": "9.609", "3s": "6.609", "2s": "5.609"} { // counted from the start
		follow(t, "config delay=4s\n"+begin("prio=100")+"config delay="+delay+"\nat 1.5s reload\nrun 12s", want+"  R BACKUP -> MASTER")
	}
}

func TestRegressionA4_OwnersTrackerSucceedsDuringTheDelay(t *testing.T) {
	script := "config delay=4s\n" + begin("prio=255 master scripts=s") + "at 1s track s up\nat 3.9s\n"
	follow(t, script, "never advert", "never MASTER:", "never announce")
	follow(t, script+"run 3s", "R BACKUP -> MASTER")
}

func TestRegressionA5_AdvertDuringTheDelay(t *testing.T) {
	// What is left of the delay and a whole down time.
	for _, at := range []string{"0.5s", "2s", "3.9s"} {
		follow(t, "config delay=4s\n"+begin("prio=100")+"at "+at+" advert from 192.0.2.9 prio 200\nrun 10s", "7.609  R BACKUP -> MASTER")
	}
}

func TestRegressionA6_SkewOfTenSeconds(t *testing.T) {
	follow(t, begin("v=3 prio=1 int=10s")+"run 60s", "39.961  R BACKUP -> MASTER") // 30 s and 255/256 of 10 s
	follow(t, begin("v=3 prio=1 int=10s")+"at 1s advert from 192.0.2.9 prio 0 int=10s\nrun 20s", "10.961  R BACKUP -> MASTER")
}

func TestRegressionA9_EqualPriorityLowerAddressYields(t *testing.T) {
	follow(t, begin("prio=100")+"at 4s advert from 192.0.2.6 prio 100\nrun 2s", "4.000  R MASTER -> BACKUP", "R wants nothing")
	follow(t, begin("prio=100")+"at 4s advert from 192.0.2.4 prio 100\nrun 2s", "never R MASTER ->")
}

func TestRegressionA10_AddressesAreComparedInNetworkOrder(t *testing.T) {
	// 2.0.0.10 is more than 192.0.2.5 where the last octet counts first, and less by the first one.
	follow(t, begin("prio=100")+"at 4s advert from 2.0.0.10 prio 100\nrun 1s", "never R MASTER ->")
	follow(t, begin("prio=100")+"at 4s advert from 200.0.0.1 prio 100\nrun 1s", "4.000  R MASTER -> BACKUP")
	six := "router R v=3 prio=100 addr=fe80::100/64\nlink eth0 fe80::2:1/64\nstart\nat 4s\n"
	for from, yields := range map[string]bool{"fe80::1:ffff": false, "fe80::3:0": true} {
		w := newWorld(t)
		for _, line := range strings.Split(six, "\n") {
			w.line(line)
		}
		rx := w.advert(strings.Fields("from " + from + " prio 100"))
		resum(rx)
		w.step(rx)
		if got := w.e.routers[0].State() == Backup; got != yields {
			t.Errorf("%s: yields %v", from, got)
		}
	}
}

func TestRegressionA12_NoPreemptAfterAFault(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split(begin("prio=200 nopreempt")+"at 4s link eth0 down\nat 5s link eth0 up", "\n") {
		w.line(line)
	}
	for range 20 {
		w.line("run 1s")
		w.line("advert from 192.0.2.9 prio 100")
	}
	if got := w.out.String(); w.e.routers[0].State() != Backup || !strings.Contains(got, "R MASTER -> FAULT") || !strings.Contains(got, "R FAULT -> BACKUP") {
		t.Errorf("beside a master of lower priority: %s", got)
	}
}

func TestRegressionA13_NoPreemptAfterAFirstGoodResult(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split(begin("prio=200 nopreempt scripts=s")+"at 1s track s down\nat 20s track s up", "\n") {
		w.line(line)
	}
	for range 20 {
		w.line("run 1s")
		w.line("advert from 192.0.2.9 prio 100")
	}
	if got := w.out.String(); strings.Contains(got, "MASTER:") || !strings.Contains(got, "R FAULT -> BACKUP") {
		t.Error(got)
	}
}

func TestRegressionA14_NetworkPassesTrafficLate(t *testing.T) {
	// vrrp_startup_delay, or vrrp_delay_after_boot, until the switch passes adverts: then the master is heard, and nothing flaps.
	for _, config := range []string{"delay=30s", "boot=1030s"} { // the machine was started 1000 s ago
		follow(t, "config "+config+"\n"+begin("prio=200 nopreempt")+"at 28s advert from 192.0.2.9 prio 100\nat 29s advert from 192.0.2.9 prio 100\n"+
			"at 30s advert from 192.0.2.9 prio 100\nat 31s advert from 192.0.2.9 prio 100\nrun 1s", "master set to 192.0.2.9", "never MASTER:", "never R advert")
	}
}

func TestRegressionA17_ManyAddressesDoNotHoldAdvertsBack(t *testing.T) {
	var addrs []string
	for i := range 200 {
		addrs = append(addrs, fmt.Sprintf("10.0.%d.%d/32", i/100, i%100+1))
	}
	w := newWorld(t)
	var at []clock.Instant
	w.sent = func(*Send) { at = append(at, w.now.Mono) }
	for _, line := range []string{"kernel slow 4s", "config garp=20ms", "router R prio=100 repeat=5 delay=1s addr=" + strings.Join(addrs, ","), "link eth0 192.0.2.5/24", "start", "run 20s"} {
		w.line(line)
	}
	for i := range at {
		if i > 0 && at[i].Sub(at[i-1]) != time.Second {
			t.Errorf("advert %d came %v after the one before", i, at[i].Sub(at[i-1]))
		}
	}
	if len(at) < 16 {
		t.Errorf("%d adverts", len(at))
	}
}

func TestRegressionA18_AdvertBeforeAnnouncement(t *testing.T) {
	follow(t, begin("prio=100")+"run 4s", "R advert 1", "R wants 192.0.2.100/32@eth0", "announce 192.0.2.100@2")
	w := newWorld(t)
	w.sent = func(*Send) {
		if strings.Contains(w.out.String(), "announce") {
			t.Error("announced before the first advert")
		}
		w.sent = nil
	}
	for _, line := range strings.Split(begin("prio=100")+"run 4s", "\n") {
		w.line(line)
	}
}

func TestRegressionA20_RefreshIsSent(t *testing.T) {
	follow(t, begin("prio=100 refresh=10s")+"run 40s", "3.609  announce 192.0.2.100@2", "13.609  announce 192.0.2.100@2", "23.609  announce 192.0.2.100@2", "33.609  announce")
}

func TestRegressionA21_OnlyAMasterSaysGoodbye(t *testing.T) {
	for _, end := range []string{"link eth0 down", "link eth0 noaddr", "track s down", "stop", "drop R\nreload"} {
		script := "router R prio=100 scripts=s\nlink eth0 192.0.2.5/24\nstart\ntrack s up\nat 2s advert from 192.0.2.9 prio 200\nat 3s " + end + "\nrun 20ms"
		follow(t, script, "R INIT -> BACKUP", "never priority 0", "never R advert")
	}
}

func TestRegressionA22_TwoOwners(t *testing.T) {
	// The one with the higher address yields when the other one insists, and is an owner again when that one is gone.
	script := begin("prio=255 master")
	for i := 1; i < 9; i++ {
		script += fmt.Sprintf("at %d.5s advert from 192.0.2.4 prio 255\n", i)
	}
	follow(t, script+"run 8s", "R MASTER -> BACKUP: second address owner", "R BACKUP -> MASTER", "priority 255")
	follow(t, begin("prio=255 master")+"at 1.5s advert from 192.0.2.6 prio 255\n", "R MASTER -> BACKUP") // and the other one at once
	for _, a := range [][2]int{{1, 2}, {2, 1}} {
		l := newLAN(100 * time.Microsecond)
		for _, n := range a {
			s := spec("R", 51, 255)
			s.StateMaster = true
			l.join(n).round(&Configure{Config: &Config{Restore: true, Routers: []Spec{s}}})
		}
		if l.run(epoch.Mono.Add(20 * time.Second)); l.nodes[0].e.routers[0].State() == l.nodes[1].e.routers[0].State() {
			t.Errorf("both owners are %v", l.nodes[0].e.routers[0].State())
		}
	}
}

func TestRegressionA24_TimersBeyondThirtyTwoBits(t *testing.T) {
	// A machine that has been up for as long as a counter of 31 or 32 bits holds microseconds, milliseconds or seconds, or for centuries.
	for _, up := range []time.Duration{
		1 << 31 * time.Microsecond, 1 << 32 * time.Microsecond, 1 << 31 * time.Millisecond, 1 << 32 * time.Millisecond, 1 << 31 * time.Second, 1 << 32 * time.Second,
	} {
		now := epoch
		now.Mono, now.Boot = clock.Instant(up).Add(-2*time.Second), clock.Instant(up).Add(-2*time.Second)
		e := New(now)
		start := now
		e.Step(now, eth0("192.0.2.5/24"))
		s := spec("R", 51, 100)
		e.Step(now, &Configure{Config: &Config{Restore: true, Routers: []Spec{s}}})
		var master time.Duration
		adverts := 0
		end := now.Add(10 * time.Second)
		run(e, now, end, func(at clock.Now, a Action) {
			switch a := a.(type) {
			case *Transition:
				if a.To == Master {
					master = at.Mono.Sub(start.Mono)
				}
			case *Send:
				adverts++
			}
		})
		if master.Round(time.Millisecond) != 3609*time.Millisecond || adverts != 7 {
			t.Errorf("up for %v: MASTER after %v, %d adverts", up, master, adverts)
		}
	}
}

func TestRegressionB29_OneOfManyIsRemoved(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split("router A vrid=1 prio=200 addr=192.0.2.101/32\nrouter B vrid=2 prio=200 addr=192.0.2.102/32\nlink eth0 192.0.2.5/24\nstart\nat 5s", "\n") {
		w.line(line)
	}
	w.out.Reset()
	for _, line := range []string{"drop B", "reload", "run 2s"} {
		w.line(line)
	}
	if !strings.Contains(w.out.String(), "notify INSTANCE B DELETED") {
		t.Errorf("B was not removed: %s", w.out.String())
	}
	for line := range strings.Lines(w.out.String()) {
		if strings.Contains(line, " A ") && !strings.Contains(line, "A advert") {
			t.Errorf("the one that stays: %s", line)
		}
	}
}

func TestRegressionB30_AMasterIsRemoved(t *testing.T) {
	follow(t, begin("prio=200")+"at 5s\ndrop R\nreload\nrun 3s", "5.000  R advert", "priority 0", "R wants nothing", "notify INSTANCE R DELETED")
}

func TestRegressionB32_GroupStaysMasterOverAReload(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split("router A vrid=1 prio=200 addr=192.0.2.101/32\nrouter B vrid=2 prio=200 addr=192.0.2.102/32\ngroup G A B\n"+
		"link eth0 192.0.2.5/24\nstart\nat 8s", "\n") {
		w.line(line)
	}
	w.out.Reset()
	for _, line := range []string{"router A prio=210", "reload", "run 500ms", "router A addr=192.0.2.101/32,192.0.2.109/32", "reload", "run 5s"} {
		w.line(line)
	}
	if got := w.out.String(); strings.Contains(got, "BACKUP") || strings.Contains(got, "priority 0") || !strings.Contains(got, "192.0.2.109") {
		t.Error(got)
	}
}

func TestRegressionB34_ScriptAddedByAReload(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split(begin("prio=100")+"at 5s track s new\nrouter R scripts=s", "\n") {
		w.line(line)
	}
	w.out.Reset()
	for _, line := range []string{"reload", "run 3s", "track s up", "run 1s"} {
		w.line(line)
	}
	if got := w.out.String(); strings.Contains(got, "->") || strings.Contains(got, "notify") {
		t.Errorf("before its first result, and after a good one: %s", got)
	}
	if w.line("track s down"); !strings.Contains(w.out.String(), "R MASTER -> FAULT") {
		t.Errorf("after a bad result: %s", w.out.String())
	}
}

func TestRegressionB38_AddedAddressIsAnnouncedTwice(t *testing.T) {
	follow(t, begin("prio=200 delay=2s repeat=2")+"at 10s\nrouter R addr=192.0.2.100/32,192.0.2.101/32\nreload\nrun 5s",
		"10.000  announce 192.0.2.101@2", "12.000  announce", "192.0.2.101@2")
}

func TestRegressionB44_SameConfigurationDoesNothing(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split("router A vrid=1 prio=200 addr=192.0.2.101/32\nrouter B vrid=2 prio=100 addr=192.0.2.102/32\nrouter C vrid=3 prio=100 addr=192.0.2.103/32 scripts=s\n"+
		"group G A\nlink eth0 192.0.2.5/24\nstart\ntrack s down\nat 3.5s", "\n") {
		w.line(line)
	}
	w.out.Reset()
	w.notified = nil
	for range 10 {
		w.line("reload")
	}
	if w.out.Len() > 0 || len(w.notified) > 0 {
		t.Errorf("%s", w.out.String())
	}
}

// A notification that a script gets, as text.
func notices(w *world) (list []string) {
	for _, ev := range w.notified {
		list = append(list, fmt.Sprintf("%s %s %s", ev.Object, ev.Name, ev.State))
	}
	return list
}

func TestRegressionF88_WinnerOfASplitIsTold(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split(begin("prio=200")+"at 5s advert from 192.0.2.9 prio 100\nrun 1s", "\n") {
		w.line(line)
	}
	if got := notices(w); len(got) == 0 || got[len(got)-1] != "INSTANCE R "+notify.MasterRxLowPrio {
		t.Errorf("%v", got)
	}
}

func TestRegressionF89_FirstStateIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"fault of a script": {begin("prio=100 scripts=s") + "at 1s track s down\nrun 1s", []string{"INSTANCE R FAULT"}},
		"fault of a file":   {"router R prio=100 trackers=file/z:0\nlink eth0 192.0.2.5/24\nstart\nat 1s track file/z 5\nrun 1s", []string{"INSTANCE R FAULT"}},
		"fault of a link":   {"router R prio=100\nlink eth0 192.0.2.5/24 down\nstart\nrun 1s", []string{"INSTANCE R FAULT"}},
		"member of a group": {"router R prio=100\ngroup G R\nlink eth0 192.0.2.5/24\nstart\nrun 1s", []string{"INSTANCE R BACKUP", "GROUP G BACKUP"}},
		"group in fault":    {"router R prio=100\ngroup G R\nlink eth0 192.0.2.5/24 down\nstart\nrun 1s", []string{"INSTANCE R FAULT", "GROUP G FAULT"}},
		"backup":            {begin("prio=100") + "run 1s", []string{"INSTANCE R BACKUP"}},
	} {
		w := newWorld(t)
		for _, line := range strings.Split(c.script, "\n") {
			w.line(line)
		}
		got := strings.Join(notices(w), ", ")
		for _, want := range c.want {
			if strings.Count(got, want) != 1 {
				t.Errorf("%s: %q, not once %q", name, got, want)
			}
		}
	}
}

func TestRegressionF90_BackupToFaultIsTold(t *testing.T) {
	follow(t, begin("prio=100")+"at 2s link eth0 down\nrun 1s", "notify INSTANCE R BACKUP", "2.000  R BACKUP -> FAULT", "notify INSTANCE R FAULT")
}

func TestRegressionF96_WeightedFileLeavesFault(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split("router R prio=100 trackers=file/f:2 down=100\nlink eth0 192.0.2.5/24\nstart\nat 1s", "\n") {
		w.line(line)
	}
	for _, step := range []struct {
		number   string
		state    State
		priority uint8
	}{{"0", Backup, 100}, {"10", Backup, 120}, {"-127", Fault, 0}, {"7", Backup, 114}, {"-127", Fault, 0}, {"-20", Backup, 60}, {"0", Backup, 100}} {
		w.line("track file/f " + step.number)
		r := w.e.routers[0]
		if r.state != step.state || step.state == Backup && r.priority != step.priority {
			t.Errorf("%s: %v with priority %d, not %v with %d", step.number, r.state, r.priority, step.state, step.priority)
		}
	}
}

func TestRegressionF100_ReversedScriptOfGroupAndMember(t *testing.T) {
	// What the group tracks is handed on to its members, and reversed once for each.
	w := newWorld(t)
	for _, line := range strings.Split("router A vrid=1 prio=200 scripts=s! addr=192.0.2.101/32\nrouter B vrid=2 prio=200 scripts=s! addr=192.0.2.102/32\ngroup G A B\n"+
		"link eth0 192.0.2.5/24\nstart\ntrack s down\nrun 8s", "\n") {
		w.line(line)
	}
	for _, step := range []struct {
		line string
		want State
	}{{"run 1s", Master}, {"track s up", Fault}, {"track s down", Backup}, {"run 8s", Master}} {
		w.line(step.line)
		if a, b := w.e.routers[0].State(), w.e.routers[1].State(); a != step.want || b != step.want {
			t.Errorf("%s: %v and %v, not both %v", step.line, a, b, step.want)
		}
	}
}

func TestRegressionE81_UnicastChecksumHasTheRealDestination(t *testing.T) {
	var all []*Received
	w := newWorld(t)
	w.sent = func(s *Send) {
		all = append(all, &Received{Src: s.Src, Dst: s.Dst, Payload: append([]byte(nil), s.Payload...)})
	}
	for _, line := range strings.Split("router R v=3 prio=100 peers=192.0.2.2 learnsum\nlink eth0 192.0.2.5/24\nstart\nrun 5s", "\n") {
		w.line(line)
	}
	for _, rx := range all {
		if adv, r := wire.Decode(rx.Payload, rx.Src, rx.Dst, wire.Options{}); r != wire.OK || adv.Sum != wire.FormPseudo {
			t.Errorf("%x to %v: %v %v", rx.Payload, rx.Dst, r, adv.Sum)
		}
	}
	if len(all) == 0 {
		t.Error("nothing was sent")
	}
	// The form of old peers is taken, and from then on sent.
	follow(t, "router R v=3 prio=100 peers=192.0.2.2 learnsum\nlink eth0 192.0.2.5/24\nstart\nat 1s advert from 192.0.2.2 dst=192.0.2.5 prio 200 sum=group\nrun 5s",
		"peer uses the old checksum", "4.609  R BACKUP -> MASTER")
	sent := 0
	w = newWorld(t)
	w.sent = func(s *Send) {
		if adv, r := wire.Decode(s.Payload, s.Src, s.Dst, wire.Options{Group: wire.Group4()}); r != wire.OK || adv.Sum&wire.FormGroup == 0 {
			t.Errorf("%x: %v, form %v", s.Payload, r, adv.Sum)
		}
		sent++
	}
	for _, line := range []string{
		"router R v=3 prio=100 peers=192.0.2.2 learnsum", "link eth0 192.0.2.5/24", "start",
		"at 1s advert from 192.0.2.2 dst=192.0.2.5 prio 200 sum=group", "run 6s",
	} {
		w.line(line)
	}
	if sent == 0 {
		t.Error("nothing was sent in the form of old peers")
	}
}

func TestRegressionE82_EveryPeersPacketIsSummed(t *testing.T) {
	for _, sum := range []wire.Form{wire.FormPseudo, wire.FormPlain} {
		peers := map[string]int{}
		w := newWorld(t)
		w.sent = func(s *Send) {
			adv, r := wire.Decode(s.Payload, s.Src, s.Dst, wire.Options{})
			if r != wire.OK || adv.Sum&sum == 0 {
				t.Errorf("%v to %v: %v %v", sum, s.Dst, r, adv.Sum)
			}
			peers[s.Dst.String()]++
		}
		w.line("router R v=3 prio=100 peers=192.0.2.2,192.0.2.3,192.0.2.4")
		w.specs[0].Sum = sum
		for _, line := range []string{"link eth0 192.0.2.5/24", "start", "run 6s"} {
			w.line(line)
		}
		if len(peers) != 3 || peers["192.0.2.3"] < 3 {
			t.Errorf("%v", peers)
		}
	}
}

func TestRegressionE85_AnotherClusterWithOurVRID(t *testing.T) {
	script := begin("prio=200")
	for i := range 100 {
		script += fmt.Sprintf("at %dms advert from 192.0.2.77 prio 100 addrs=198.51.100.1/32\n", 5000+i*100)
	}
	w := newWorld(t)
	for _, line := range strings.Split(script, "\n") {
		w.line(line)
	}
	if n := strings.Count(w.out.String(), "not present in advert from 192.0.2.77"); n != 1 {
		t.Errorf("told %d times, not once", n)
	}
	if s := &w.e.routers[0].stats; s.AddrList != 100 || w.e.routers[0].State() != Master {
		t.Errorf("counted %d times; %v", s.AddrList, w.e.routers[0].State())
	}
}
