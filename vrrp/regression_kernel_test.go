package vrrp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
)

// What went wrong in other VRRP daemons: docs/regressions.md. Sections C and D: interfaces, addresses, IPv6.

func TestRegressionC53_DeletedAddressIsPutBack(t *testing.T) {
	follow(t, begin("prio=200")+"at 5s lost R 192.0.2.100/32\nrun 1s", "5.000  R wants 192.0.2.100/32@eth0", "announce 192.0.2.100@2", "never R MASTER ->")
	follow(t, "config restore=false\n"+begin("prio=200")+"at 5s lost R 192.0.2.100/32\nrun 1s", "5.000  R advert", "priority 0", "R MASTER -> BACKUP: address lost")
}

func TestRegressionC56_LeftoverAddressIsNoSource(t *testing.T) {
	follow(t, "router R prio=200\nlink eth0 192.0.2.100/32 192.0.2.5/24\nstart\nrun 5s", "R advert 1 from 192.0.2.5", "never from 192.0.2.100")
}

func TestRegressionC58_LinkIsRecreatedAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split(begin("prio=200"), "\n") {
		w.line(line)
	}
	for i := range 20 {
		for _, line := range []string{"run 5s", "link eth0 gone", "run 1s"} {
			w.line(line)
		}
		if s := w.e.routers[0].State(); s != Fault {
			t.Fatalf("round %d: %v without its link", i, s)
		}
		w.line("link eth0 reborn")
		if w.line("run 5s"); w.e.routers[0].State() != Master {
			t.Fatalf("round %d: %v with a new link", i, w.e.routers[0].State())
		}
	}
}

func TestRegressionC60_LinksOfBothAreRecreated(t *testing.T) {
	l := newLAN(100 * time.Microsecond)
	for i, prio := range []uint8{200, 100} {
		l.join(i + 1).round(&Configure{Config: &Config{Restore: true, Routers: []Spec{spec("R", 51, prio)}}})
	}
	for round := range 3 {
		l.run(l.now.Mono.Add(10 * time.Second))
		for _, d := range l.nodes {
			d.round(&LinkGone{Name: "eth0"})
		}
		l.run(l.now.Mono.Add(time.Second))
		for i, d := range l.nodes {
			ev := eth0(d.addr.String() + "/24")
			ev.Link.Index += 10 * (round + 1)
			ev.Link.MAC[5] = byte(round + 1)
			d.round(ev)
			l.run(l.now.Mono.Add(time.Duration(i) * 100 * time.Millisecond))
		}
		l.run(l.now.Mono.Add(5 * time.Second))
		if n, who := l.masters(51); n != 1 || who != l.nodes[0] {
			t.Errorf("round %d: %d masters", round, n)
		}
	}
}

func TestRegressionC61_LinkComesUpDuringTheFirstRunOfAScript(t *testing.T) {
	follow(t, "router R prio=200 scripts=s\nlink eth0 192.0.2.5/24 down\nstart\nat 1s link eth0 up\nat 2s track s up\nrun 5s", "R BACKUP -> MASTER")
	follow(t, "router R prio=200 scripts=s\nlink eth0 192.0.2.5/24 down\nstart\nat 1s track s up\nat 2s link eth0 up\nrun 5s", "R BACKUP -> MASTER")
}

func TestRegressionC62_AnnouncedWithTheCurrentHardwareAddress(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split(begin("prio=200")+"at 5s", "\n") {
		w.line(line)
	}
	var last Announcement
	w.announced = func(items []Announcement) { last = items[len(items)-1] }
	for _, line := range []string{"link eth0 gone", "run 1s", "link eth0 reborn", "run 5s"} {
		w.line(line)
	}
	if l := w.links["eth0"]; last.MAC != l.MAC || last.Index != l.Index {
		t.Errorf("announced as %x on %d, the link is %x and %d", last.MAC, last.Index, l.MAC, l.Index)
	}
}

func TestRegressionC64_FiveHundredRoutersFault(t *testing.T) {
	// Each on a link of its own. That all of them are told after an overrun is the matter of packages host and host/kernel.
	e := New(epoch)
	c := &Config{Restore: true}
	for i := range 500 {
		s := spec(fmt.Sprintf("R%d", i), uint8(i%255+1), 100)
		s.Link = fmt.Sprintf("vrrp%d", i)
		s.Addresses[0].Link = s.Link
		c.Routers = append(c.Routers, s)
	}
	tell := func(now clock.Now, up bool) {
		for i := range 500 {
			ev := eth0("192.0.2.5/24")
			ev.Link.Name, ev.Link.Index, ev.Link.Running = c.Routers[i].Link, i+2, up
			e.Step(now, ev)
		}
	}
	flap(t, e, c, tell, func(*Router) {})
}

func TestRegressionC65_TrackedPortIsRemovedAndThePrimaryFlaps(t *testing.T) {
	w := newWorld(t)
	for _, line := range strings.Split("router A vrid=1 prio=200 links=eth1 addr=192.0.2.101/32\nrouter B vrid=2 prio=200 addr=192.0.2.102/32\ngroup G A B\n"+
		"link eth0 192.0.2.5/24\nlink eth1\nstart\nrun 8s", "\n") {
		w.line(line)
	}
	for _, step := range []struct {
		line string
		want State
	}{
		{"run 1s", Master},
		{"link eth1 gone", Fault},
		{"link eth0 down", Fault},
		{"link eth0 up", Fault},
		{"run 5s", Fault},
		{"link eth1 reborn", Backup},
		{"run 8s", Master},
		{"link eth0 down", Fault},
		{"link eth0 up", Backup},
		{"run 8s", Master},
	} {
		w.line(step.line)
		if a, b := w.e.routers[0].State(), w.e.routers[1].State(); a != step.want || b != step.want {
			t.Errorf("%s: %v and %v, not both %v", step.line, a, b, step.want)
		}
	}
}

func TestRegressionC66_SourceComesAndGoes(t *testing.T) {
	script := "router R prio=200 src=192.0.2.7 tracksource peers=192.0.2.9\nlink eth0 192.0.2.5/24\nstart\n"
	follow(t, script+"run 5s", "R INIT -> FAULT", "never R advert")
	follow(t, script+"at 1s link eth0 192.0.2.7/24\nrun 5s", "R FAULT -> BACKUP", "R advert 1 from 192.0.2.7", "R BACKUP -> MASTER")
	follow(t, script+"at 1s link eth0 192.0.2.7/24\nat 6s link eth0 noaddr\nat 8s link eth0 192.0.2.7/24\nrun 5s",
		"R MASTER -> FAULT", "8.000  R FAULT -> BACKUP", "R BACKUP -> MASTER")
}

func TestRegressionD76_SecondLinkLocalAddress(t *testing.T) {
	follow(t, "router R v=3 prio=200 addr=fe80::100/64\nlink eth0 fe80::5/64\nstart\nat 4s link eth0 fe80::1/64\nrun 3s\nlink eth0 fe80::9/64\nrun 3s",
		"from fe80::5", "never from fe80::1 ", "never from fe80::9", "never R MASTER ->")
	w := newWorld(t)
	for _, line := range strings.Split("router R v=3 prio=200 addr=fe80::100/64\nlink eth0 fe80::5/64 fe80::6/64\nstart\nrun 4s", "\n") {
		w.line(line)
	}
	l := w.links["eth0"]
	l.Addrs = l.Addrs[1:] // until it is deleted
	w.links["eth0"] = l
	w.step(&LinkChanged{Link: l})
	if w.line("run 2s"); !strings.Contains(w.out.String(), "from fe80::6") || w.e.routers[0].State() != Master {
		t.Error(w.out.String())
	}
}

func TestRegressionD77_OnlyIPv6(t *testing.T) {
	follow(t, "router R v=3 prio=200 addr=fe80::100/64\nlink eth0 fe80::5/64\nstart\nrun 5s", "R advert 1 from fe80::5 to ff02::12", "R BACKUP -> MASTER", "never FAULT")
}

func TestRegressionD78_SameLinkLocalAddressOnTwoLinks(t *testing.T) {
	follow(t, "router A v=3 vrid=1 prio=200 addr=fe80::100/64@eth0\nrouter B v=3 vrid=1 prio=200 dev=eth1 addr=fe80::100/64@eth1\n"+
		"link eth0 fe80::5/64\nlink eth1 fe80::5/64\nstart\nrun 5s", "A wants fe80::100/64@eth0", "B wants fe80::100/64@eth1")
	// Each keeps its own when the other goes.
	follow(t, "router A v=3 vrid=1 prio=200 addr=fe80::100/64@eth0\nrouter B v=3 vrid=1 prio=200 dev=eth1 addr=fe80::100/64@eth1\n"+
		"link eth0 fe80::5/64\nlink eth1 fe80::5/64\nstart\nat 5s link eth1 down\nrun 1s", "B MASTER -> FAULT", "B wants nothing", "never A MASTER ->")
}
