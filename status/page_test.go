package status

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

func example() vrrp.Status {
	return vrrp.Status{
		Name: "VI_1", Group: "G", Identity: vrrp.Identity{VRID: 51, Link: "eth0", Group: netip.MustParseAddr("224.0.0.18")},
		State: vrrp.Master, Since: clock.Now{Mono: 5, Wall: 7}, Cause: vrrp.Cause{Why: vrrp.WhyTimeout}, BasePriority: 100, Priority: 120,
		Source: netip.MustParseAddr("192.0.2.1"), Master: netip.MustParseAddr("192.0.2.1"), MasterPriority: 120,
		Interval: time.Second, MasterInterval: time.Second, LastSent: clock.Now{Mono: 9, Boot: 11}, LastHeard: 3, Standing: 3, Addresses: 2, Refused: 1, Faults: 4,
		Contested: true, Told: "MASTER", SendError: "no", Stats: vrrp.Stats{Received: 1, Sent: 2, AddrList: 12, SumBad: 13, Dropped: [wire.Reasons]uint64{wire.BadICV: 14, wire.WrongPeer: 15}},
		Speakers: [vrrp.Speakers]vrrp.Speaker{{Addr: netip.MustParseAddr("192.0.2.1"), Priority: 120, At: 19}, {Addr: netip.MustParseAddr("192.0.2.9"), Priority: 1, At: 20}},
		Sequence: 16, Refusal: vrrp.Refusal{Reason: wire.BadICV, From: netip.MustParseAddr("192.0.2.9"), At: clock.Now{Mono: 17, Wall: 18}},
	}
}

func TestRecordKeepsTheStatus(t *testing.T) {
	p, err := Open(make([]byte, Size))
	if err != nil {
		t.Fatal(err)
	}
	want := example()
	var r, got Record
	r.Set(&want)
	p.Put(7, &r)
	if !p.Get(7, &got) || p.Top() != 8 || p.Get(6, &got) {
		t.Fatal("slots are mixed up")
	}
	p.Get(7, &got)
	if d := cmp.Diff(want, got.Status(), cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if n := testing.AllocsPerRun(100, func() { r.Set(&want); p.Put(7, &r) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	p.ClearAll()
	if p.Get(7, &got) || p.Top() != 0 {
		t.Error("not cleared")
	}
}

func TestOpenRefusesAnotherVersion(t *testing.T) {
	mem := make([]byte, Size)
	if _, err := Open(mem); err != nil {
		t.Fatal(err)
	}
	mem[8] = 99
	if _, err := Open(mem); err == nil {
		t.Error("a page of version 99 was taken")
	}
	if _, err := Open(mem[:Size-8]); err == nil {
		t.Error("a short page was taken")
	}
}

func TestDeadWriterLeavesNoHalfRecord(t *testing.T) {
	p, _ := Open(make([]byte, Size))
	var r, got Record
	s := example()
	r.Set(&s)
	p.Put(0, &r)
	p.slot(0).seq.Add(1) // as if the writer had died in the middle
	if p.Get(0, &got) {
		t.Error("a half-written record was read")
	}
	p.Put(0, &r)
	if !p.Get(0, &got) {
		t.Error("the next writer's record is not readable")
	}
}

func TestReadersNeverSeeAMixture(t *testing.T) {
	if raceEnabled {
		t.Skip("a sequence counter is a data race by design: the reader throws away what it read while it changed")
	}
	p, _ := Open(make([]byte, Size))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := uint64(0); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			s := vrrp.Status{Stats: vrrp.Stats{Received: i, Sent: i, AddrList: i}}
			var r Record
			r.Set(&s)
			p.Put(0, &r)
		}
	})
	for range 20000 {
		var r Record
		if p.Get(0, &r) {
			if st := r.Status().Stats; st.Received != st.Sent || st.Sent != st.AddrList {
				t.Errorf("a mixture: %d %d %d", st.Received, st.Sent, st.AddrList)
				break
			}
		}
	}
	close(stop)
	wg.Wait()
}

func TestHeader(t *testing.T) {
	mem := make([]byte, Size)
	p, _ := Open(mem)
	p.SetPID(7)
	p.SetLateness(3*time.Second, 2*time.Millisecond)
	p.AddMalformed()
	p.AddMalformed()
	p.AddBeat()
	q, err := Open(mem) // what a reader sees
	if err != nil {
		t.Fatal(err)
	}
	latest, most := q.Lateness()
	if q.PID() != 7 || q.Beat() != 1 || latest != 3*time.Second || most != 2*time.Millisecond || q.Malformed() != 2 {
		t.Errorf("pid %d, beat %d, lateness %v and %v, %d malformed", q.PID(), q.Beat(), latest, most, q.Malformed())
	}
}
