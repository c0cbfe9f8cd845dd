package vrrp

import (
	"strings"
	"testing"
)

// follow runs a script and looks for the wanted lines in what the engine did: each as a part of a line, in this order. A text that begins with
// "never " must not be there at all.
func follow(t *testing.T, script string, want ...string) {
	t.Helper()
	w := newWorld(t)
	for _, line := range strings.Split(script, "\n") {
		w.line(line)
	}
	got := w.out.String()
	rest := got
	for _, text := range want {
		if never, ok := strings.CutPrefix(text, "never "); ok {
			if strings.Contains(got, never) {
				t.Errorf("%q is in\n%s", never, got)
			}
			continue
		}
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			t.Fatalf("%q is missing, or not after what was wanted before it, in\n%s", text, got)
		}
		rest = after
	}
}

// One router of version 2, and of version 3, on 192.0.2.5.
const (
	v2 = "router R prio=100 \nlink eth0 192.0.2.5/24\nstart\n"
	v3 = "router R v=3 prio=100 \nlink eth0 192.0.2.5/24\nstart\n"
)

func TestRFC3768_6_1_SkewIsNotScaledByTheInterval(t *testing.T) {
	// In seconds (rule B1); RFC 9568 counts it in intervals.
	follow(t, "router R prio=100\nlink eth0 192.0.2.5/24\nstart\nrun 4s", "3.609  R BACKUP -> MASTER")
	follow(t, "router R prio=100 int=5s\nlink eth0 192.0.2.5/24\nstart\nrun 20s", "15.609  R BACKUP -> MASTER")
}

func TestRFC3768_6_4_1_OwnerBeginsAsMaster(t *testing.T) {
	follow(t, "router R prio=255 master\nlink eth0 192.0.2.5/24\nstart\nrun 1s",
		"0.000  R advert 1", "R BACKUP -> MASTER", "R wants", "announce", "1.000  R advert 2", "never notify INSTANCE R BACKUP")
}

func TestRFC3768_6_4_1_OthersBeginAsBackup(t *testing.T) {
	follow(t, "router R prio=254 master\nlink eth0 192.0.2.5/24\nstart\nrun 4s", "0.000  R INIT -> BACKUP", "3.008  R BACKUP -> MASTER")
}

func TestRFC3768_6_4_2_Shutdown(t *testing.T) {
	follow(t, v2+"run 1s\nstop\nrun 10s", "1.000  R BACKUP -> INIT: stop", "never advert", "never MASTER")
}

func TestRFC3768_6_4_2_DownTimerFires(t *testing.T) {
	follow(t, v2+"run 5s", "3.609  R advert 1", "R BACKUP -> MASTER", "R wants 192.0.2.100/32@eth0", "announce 192.0.2.100", "4.609  R advert 2")
}

func TestRFC3768_6_4_2_PriorityZero(t *testing.T) {
	follow(t, v2+"at 1s advert from 192.0.2.2 prio 0\nrun 2s", "1.609  R BACKUP -> MASTER: master released")
}

func TestRFC3768_6_4_2_HigherOrEqualRestartsTheTimer(t *testing.T) {
	follow(t, v2+"at 3s advert from 192.0.2.2 prio 200\nrun 5s", "6.609  R BACKUP -> MASTER")
	follow(t, v2+"at 3s advert from 192.0.2.2 prio 100\nrun 5s", "6.609  R BACKUP -> MASTER")
}

func TestRFC3768_6_4_2_LowerIsDiscarded(t *testing.T) {
	follow(t, v2+"at 3s advert from 192.0.2.9 prio 99\nrun 5s", "3.609  R BACKUP -> MASTER")
}

func TestRFC3768_6_4_2_LowerCountsWithoutPreemption(t *testing.T) {
	follow(t, "router R prio=100 nopreempt\nlink eth0 192.0.2.5/24\nstart\nat 3s advert from 192.0.2.9 prio 99\nrun 5s", "6.609  R BACKUP -> MASTER")
}

func TestRFC3768_6_4_3_Shutdown(t *testing.T) {
	follow(t, v2+"at 4s stop\nrun 5s", "4.000  R advert 2 from 192.0.2.5 to 224.0.0.18, priority 0", "R MASTER -> INIT", "R wants nothing", "never advert 3")
}

func TestRFC3768_6_4_3_AdverTimerFires(t *testing.T) {
	follow(t, v2+"run 7s", "3.609  R advert 1", "4.609  R advert 2", "5.609  R advert 3", "6.609  R advert 4")
}

func TestRFC3768_6_4_3_PriorityZero(t *testing.T) {
	follow(t, v2+"at 4.2s advert from 192.0.2.2 prio 0\nrun 2s", "4.200  R advert 2", "5.200  R advert 3", "never R MASTER ->")
}

func TestRFC3768_6_4_3_HigherPriority(t *testing.T) {
	follow(t, v2+"at 4s advert from 192.0.2.2 prio 101\nrun 5s", "4.000  R MASTER -> BACKUP", "R wants nothing", "7.609  R BACKUP -> MASTER", "never 4.609")
}

func TestRFC3768_6_4_3_EqualPriorityHigherAddress(t *testing.T) {
	follow(t, v2+"at 4s advert from 192.0.2.6 prio 100\nrun 1s", "4.000  R MASTER -> BACKUP")
}

func TestRFC3768_6_4_3_OtherwiseStay(t *testing.T) {
	follow(t, v2+"at 4s advert from 192.0.2.4 prio 100\nat 4.1s advert from 192.0.2.9 prio 99\nrun 1s", "never R MASTER ->")
	follow(t, "router R prio=100 lowernoadvert\nlink eth0 192.0.2.5/24\nstart\nat 4s advert from 192.0.2.9 prio 99\nrun 500ms", "never 4.000  R advert")
}

func TestRFC9568_6_1_SkewAndDownInterval(t *testing.T) {
	for _, c := range [][3]string{
		{"100", "500ms", "1.805"},
		{"200", "1s", "3.219"},
		{"254", "1s", "3.008"},
		{"1", "1s", "3.996"},
		{"100", "10ms", "0.036"},
		{"100", "40.95s", "147.804"},
	} {
		follow(t, "router R v=3 prio="+c[0]+" int="+c[1]+"\nlink eth0 192.0.2.5/24\nstart\nrun 148s", c[2]+"  R BACKUP -> MASTER")
	}
}

func TestRFC9568_6_4_1_InitializeHearsNothing(t *testing.T) {
	follow(t, "router R v=3 prio=100 scripts=s\nlink eth0 192.0.2.5/24\nstart\nat 1s advert from 192.0.2.2 prio 200\nat 2s track s up\nrun 4s",
		"2.000  R INIT -> BACKUP", "5.609  R BACKUP -> MASTER", "never master set to")
}

func TestRFC9568_6_4_2_DownTimerFires(t *testing.T) {
	follow(t, v3+"at 1s advert from 192.0.2.2 prio 200 int=500ms\nrun 5s",
		"2.805  R advert 1 from 192.0.2.5 to 224.0.0.18, priority 100, every 100 cs", "3.805  R advert 2")
}

func TestRFC9568_6_4_2_PriorityZero(t *testing.T) {
	follow(t, v3+"at 1s advert from 192.0.2.2 prio 0\nrun 2s", "1.609  R BACKUP -> MASTER")
}

func TestRFC9568_6_4_2_PriorityZeroWithLearntInterval(t *testing.T) {
	follow(t, v3+"at 1s advert from 192.0.2.2 prio 200 int=500ms\nat 2s advert from 192.0.2.2 prio 0 int=500ms\nrun 2s", "2.305  R BACKUP -> MASTER")
}

func TestRFC9568_6_4_2_LowerLeavesTimerAndInterval(t *testing.T) {
	follow(t, v3+"at 3s advert from 192.0.2.2 prio 50 int=500ms\nrun 1s", "3.609  R BACKUP -> MASTER: preempts", "never updated")
}

func TestRFC9568_6_4_2_ComparesPrioritiesAlone(t *testing.T) {
	follow(t, v3+"at 3s advert from 192.0.2.1 prio 100\nat 6s advert from 192.0.2.1 prio 100\nrun 3s", "never MASTER")
}

func TestRFC9568_6_4_3_HigherLearnsTheInterval(t *testing.T) {
	follow(t, v3+"at 4s advert from 192.0.2.2 prio 101 int=500ms\nrun 3s", "4.000  R MASTER -> BACKUP", "5.805  R BACKUP -> MASTER")
}

func TestRFC9568_6_4_3_NoPreemptYieldsAllTheSame(t *testing.T) {
	follow(t, "router R v=3 prio=100 nopreempt\nlink eth0 192.0.2.5/24\nstart\nat 4s advert from 192.0.2.2 prio 101\n", "4.000  R MASTER -> BACKUP")
}

func TestRFC9568_6_4_3_LowerIsAnsweredAtOnce(t *testing.T) {
	follow(t, v3+"at 4s advert from 192.0.2.9 prio 99\nrun 1s", "4.000  R advert 2", "4.609  R advert 3", "never R MASTER ->")
}

func TestRFC9568_6_4_3_OwnAddressChangesNothing(t *testing.T) {
	follow(t, v3+"at 4s advert from 192.0.2.5 prio 100\nrun 500ms", "WARNING", "never R MASTER ->", "never 4.000  R advert")
}

func TestRFC9568_6_4_3_Shutdown(t *testing.T) {
	follow(t, v3+"at 4s stop\n", "4.000  R advert 2 from 192.0.2.5 to 224.0.0.18, priority 0", "R MASTER -> INIT")
}

func TestRFC9568_7_1_FailedChecksChangeNothing(t *testing.T) {
	for _, bad := range []string{"ttl=254", "v=2", "badsum", "sum=plain", "vrid=52", "dst=192.0.2.5"} {
		follow(t, v3+"at 3s advert from 192.0.2.2 prio 200 "+bad+"\nrun 1s", "3.609  R BACKUP -> MASTER: advert timeout")
		follow(t, v3+"at 4s advert from 192.0.2.2 prio 200 "+bad+"\nrun 1s", "never R MASTER ->")
	}
}

func TestRFC9568_7_1_OwnerHearsAdverts(t *testing.T) {
	// Erratum 8298: not dropped. Version 3, where the published text says to drop.
	follow(t, "router R v=3 prio=255 master\nlink eth0 192.0.2.5/24\nstart\nat 1.5s advert from 192.0.2.9 prio 255\n", "R MASTER -> BACKUP")
	follow(t, "router R v=3 prio=255 master ownerignore\nlink eth0 192.0.2.5/24\nstart\nat 1.5s advert from 192.0.2.9 prio 255\n", "never R MASTER ->")
}
