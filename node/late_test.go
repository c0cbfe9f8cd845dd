package node

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link/poll"
)

// TestLatenessQuantile: against sorted values, to an eighth.
func TestLatenessQuantile(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var l lateness
	var all []time.Duration
	for range 20000 {
		d := time.Duration(rnd.ExpFloat64() * float64(time.Millisecond))
		if rnd.IntN(500) == 0 {
			d *= 1000
		}
		all = append(all, d)
		l.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		want, got := all[int(q*float64(len(all)))], l.quantile(q)
		if got < want || got > want+want/4+2*time.Microsecond {
			t.Errorf("quantile %v is %v, want %v and little more", q, got, want)
		}
	}
	if l.max != all[len(all)-1] || l.quantile(0) == 0 || new(lateness).quantile(0.99) != 0 {
		t.Errorf("max %v", l.max)
	}
}

func TestLatenessBuckets(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 127, 1023, 1024, 1500, time.Microsecond, time.Millisecond, time.Second, 3 * time.Second} {
		i := bucket(d)
		if up := upper(i); up < d || i > 0 && upper(i-1) > d {
			t.Errorf("%v is in the bucket that ends at %v", d, up)
		}
	}
	if bucket(time.Hour) != lateBuckets-1 || bucket(-1) != 0 {
		t.Error("out of range")
	}
}

// TestLateWatchNamesTheReason: what the kernel's counter did since before the deadline decides, and one line in 10 s is enough.
func TestLateWatchNamesTheReason(t *testing.T) {
	stat := filepath.Join(t.TempDir(), "schedstat")
	set := func(text string) { nstest.OK(t, os.WriteFile(stat, []byte(text), 0o600)) }
	set("5 1000000 7\n")
	f, err := os.Open(stat)
	nstest.OK(t, err)
	defer f.Close()
	var said []string
	w := &lateWatch{counts: f, say: func(text string) { said = append(said, text) }}
	now := poll.Mono()
	w.sample(now)
	set("5 1501000000 7\n")
	w.sample(now.Add(1600 * time.Millisecond)) // the ticker came first
	r := lateRound{deadline: now.Add(50 * time.Millisecond), late: 1550 * time.Millisecond, interval: time.Second}
	w.late(now.Add(1600*time.Millisecond), r)
	w.late(now.Add(3*time.Second), r)
	set("5 1502000000 7\n")
	w.late(now.Add(12*time.Second), lateRound{now.Add(11 * time.Second), 700 * time.Millisecond, time.Second})
	if len(said) != 2 {
		t.Fatalf("%q", said)
	}
	if !strings.Contains(said[0], "1.55s late") || !strings.Contains(said[0], "its thread waited 1.5s for a processor;") {
		t.Errorf("%q", said[0])
	}
	if !strings.Contains(said[1], "stood still") || !strings.Contains(said[1], "1 others were late, by up to 1.55s") {
		t.Errorf("%q", said[1])
	}
	said, w = nil, &lateWatch{say: w.say}
	w.late(now, r)
	if len(said) != 1 || !strings.Contains(said[0], "does not tell") {
		t.Errorf("%q", said)
	}
}

func TestTooLate(t *testing.T) {
	if tooLate(time.Hour, 0) || tooLate(500*time.Millisecond, time.Second) || !tooLate(501*time.Millisecond, time.Second) {
		t.Error("wrong")
	}
	if d := shortest(VRRPConfig(load(t, `vrrp_instance A {
	interface eth0
	virtual_router_id 51
	advert_int 3
	virtual_ipaddress { 192.0.2.100 }
}
vrrp_instance B {
	interface eth0
	virtual_router_id 52
	advert_int 2
	virtual_ipaddress { 192.0.2.101 }
}`))); d != 2*time.Second {
		t.Errorf("shortest interval %v", d)
	}
}
