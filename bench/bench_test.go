package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/internal/netns"
	"holdfast.dev/vrrp/wire"
)

// TestMain also serves as the helpers that a bench starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && helpers[os.Args[1]] != nil {
		if err := helpers[os.Args[1]](os.Args[2:]); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestQuantiles(t *testing.T) {
	var values []float64
	for i := range 100 {
		values = append(values, float64(100-i))
	}
	s := sum(values)
	if s.N != 100 || s.P50 != 50 || s.P99 != 99 || s.Max != 100 || s.Min != 1 || s.Values != nil {
		t.Errorf("%+v", s)
	}
	if s := sum([]float64{7}); s.P50 != 7 || s.P99 != 7 || len(s.Values) != 1 {
		t.Errorf("%+v", s)
	}
	if sum(nil) != nil {
		t.Error("no values have a sum")
	}
}

func sample() *report {
	r := &report{Versions: map[string]string{theirs: "K <1>", ours: "H"}}
	r.Noise.Wakeup = sum([]float64{50})
	r.add("g & h", "halved", "ms", theirs, 2, 4)
	r.add("g & h", "halved", "ms", ours, 1, 2)
	r.add("g & h", "halved", "ms", least, 0.5)
	r.add("g & h", "only theirs", "ms", theirs, 3).note(theirs, "%d of them", 7)
	return r
}

func TestReport(t *testing.T) {
	r := sample()
	if v, ok := r.Rows[0].ratio(median); !ok || v != 0.5 {
		t.Errorf("ratio %v %v", v, ok)
	}
	if _, ok := r.Rows[1].ratio(median); ok {
		t.Error("a ratio to nothing")
	}
	table := r.table()
	for _, want := range []string{"halved", "0.50", "keepalived 7 of them", "K <1>"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
	text, err := r.json()
	var back report
	if err != nil || json.Unmarshal(text, &back) != nil || back.Rows[0].Sides[ours].Max != 2 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(string(sample().svg())))
	bars := 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 2 { // the background and the one figure that both sides have
		t.Errorf("%d rectangles", bars)
	}
}

func TestFile(t *testing.T) {
	f := &file{priority: both, interval: 10 * time.Millisecond, count: 2*perLink + 1, global: []string{"vrrp_rt_priority 50"}}
	text := f.text()
	if n := strings.Count(text, "vrrp_instance"); n != f.count || f.links() != 3 {
		t.Errorf("%d instances on %d links", n, f.links())
	}
	for _, want := range []string{"advert_int 0.01\n", "interface eth2\n\tvirtual_router_id 1\n", "10.2.1.1/16", "vrrp_rt_priority 50"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if got := f.down(); got != 36093750*time.Nanosecond {
		t.Errorf("down time %v", got)
	}
}

func TestParseAdvert(t *testing.T) {
	b := make([]byte, 14+20+12)
	b[14], b[14+20], b[14+21], b[14+22] = 0x45, 0x31, 7, 100
	if a, ok := parseAdvert(b); !ok || a.vrid != 7 || a.priority != 100 {
		t.Errorf("%+v %v", a, ok)
	}
	b[14] = 0x4f
	for n := range b {
		if _, ok := parseAdvert(b[:n]); ok {
			t.Errorf("%d octets are taken", n)
		}
	}
}

func TestLongestGap(t *testing.T) {
	list := []advert{{at: 10, vrid: 1}, {at: 20, vrid: 2}, {at: 40, vrid: 1}, {at: 45, vrid: 2}, {at: 65, vrid: 1}}
	if got := longestGap(list); got != 30 {
		t.Errorf("%v", got)
	}
}

// TestMoreIsBetter: the ratio is turned round.
func TestMoreIsBetter(t *testing.T) {
	r := &report{}
	r.add("g", "rate", "1/s", theirs, 100)
	r.add("g", "rate", "1/s", ours, 400).More = true
	if v, ok := r.Rows[0].ratio(median); !ok || v != 0.25 {
		t.Errorf("ratio %v %v", v, ok)
	}
}

// TestHighest searches for limits that are known.
func TestHighest(t *testing.T) {
	for _, c := range []struct {
		limit, room float64 // what is stood, and what can be sent
		from, to    float64
		all         bool
	}{
		{100_000, 1e9, 85_000, 100_000, false},
		{3000, 1e9, 2600, 3000, false},
		{8000, 1e9, 8000, 8000, false},
		{1e9, 300_000, 300_000, 300_000, true},
		{90_000, 100_000, 80_000, 90_000, false},
		{0, 1e9, 0, 0, false},
	} {
		tries := 0
		got, all, err := highest(func(rate float64) (float64, bool, error) {
			tries++
			sent := min(rate, c.room)
			return sent, sent <= c.limit, nil
		})
		if err != nil || got < c.from || got > c.to || all != c.all || tries > 20 {
			t.Errorf("limit %v: %v, all %v, %v, %d tries", c.limit, got, all, err, tries)
		}
	}
}

// TestFloodFrames: the kernel lets all of them pass, and what is spoiled fails exactly one check.
func TestFloodFrames(t *testing.T) {
	for _, f := range floods {
		for i, x := range f.frames {
			frame, err := x.frame(100 * time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			ip := frame[14:]
			var sum uint32
			for at := 0; at < wire.IPv4Len; at += 2 {
				sum += uint32(ip[at])<<8 | uint32(ip[at+1])
			}
			if sum = sum>>16 + sum&0xffff; sum != 0xffff {
				t.Errorf("%s %d: the IP header's checksum is wrong: %#x", f.name, i, sum)
			}
			h, payload, reason := wire.ParseIPv4(ip, wire.ProtoVRRP)
			if reason != wire.OK {
				t.Fatal(reason)
			}
			failed := 0
			ad, reason := wire.Decode(payload, h.Src, h.Dst, wire.Options{})
			for _, wrong := range []bool{reason != wire.OK, reason == wire.OK && ad.Sum == wire.FormBad, h.TTL != 255} {
				if wrong {
					failed++
				}
			}
			if (failed == 1) != (x.spoil != nil) || failed > 1 {
				t.Errorf("%s %d fails %d checks", f.name, i, failed)
			}
		}
	}
}

// TestTakeoverOfTheFloor runs a scenario with the one side that is always there: it must take over, and not before its time.
func TestTakeoverOfTheFloor(t *testing.T) {
	if err := netns.Able(); err != nil {
		t.Skipf("network namespaces can't be made here: %v", err)
	}
	if os.Getuid() != 0 {
		t.Skip("only root may size buffers beyond the limit")
	}
	b := &bench{dir: t.TempDir(), floor: &side{name: least, path: "/proc/self/exe", floor: true}}
	late, err := b.takeover(b.floor, 100*time.Millisecond, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range late {
		if v < 0 {
			t.Errorf("%v ms before its time", -v)
		}
	}
	if len(late) != 2 {
		t.Errorf("%v", late)
	}
}

// TestTally: what is missing is counted where something came before and after, and for those of which nothing came at all.
func TestTally(t *testing.T) {
	s := int64(time.Second)
	tally := newTally(time.Second)
	tally.take([]advert{{at: 10 * s, vrid: 1, priority: 100}, {at: 11 * s, vrid: 1, priority: 100}, {at: 14 * s, vrid: 1, priority: 100}})
	tally.take([]advert{
		{at: 14*s + 1, vrid: 1, node: 1}, // priority 0 is no take-over
		{at: 15*s + s/4, vrid: 1, priority: 100},
		{at: 15 * s, vrid: 2, node: 1, priority: 100},
		{at: 16 * s, vrid: 2, node: 1, priority: 100},
	})
	if tally.gone != 2 || tally.missing(3) != 4 || tally.longest != 3*time.Second || tally.sent != 4 || tally.wrong != 2 || len(tally.false1) != 1 {
		t.Errorf("%+v", tally)
	}
}

func TestReadLoads(t *testing.T) {
	got, err := readLoads("4000/1s,1000/100ms/vmac/keepalived,2/1s/rt")
	want := []burden{{count: 4000, every: time.Second}, {count: 1000, every: 100 * time.Millisecond, vmac: true, theirs: true}, {count: 2, every: time.Second, rt: true}}
	if err != nil || !slices.Equal(got, want) || got[1].String() != "1000 every 100ms, use_vmac" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "4000", "0/1s", "x/1s", "10/1ms", "10/1h", "10/1s/fast", "60000/1s"} {
		if _, err := readLoads(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestStamps(t *testing.T) {
	got, err := readStamps("1700000000.000001 3\n1700000001,500000 0\n")
	if err != nil || len(got) != 2 || got[3] != 1700000000000001000 || got[0] != 1700000001500000000 {
		t.Errorf("%v %v", got, err)
	}
	for _, text := range []string{"x 1\n", "1.0\n", "1.0 x\n", "1 1\n"} {
		if _, err := readStamps(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	f := file{count: 2, master: "/run/stamp.sh"}
	if !strings.Contains(f.text(), "notify_master \"/run/stamp.sh 1\"") {
		t.Error(f.text())
	}
}

// Adverts that are late together are one moment.
func TestMoments(t *testing.T) {
	tl := newTally(100 * time.Millisecond)
	ms := int64(time.Millisecond)
	for _, at := range []int64{0, 100, 355, 455, 700} {
		for vrid := range 3 {
			tl.take([]advert{{at: at*ms + int64(vrid)*ms, vrid: vrid, priority: 100}})
		}
	}
	want := ", silent at 2 moments, 3 instances for up to 255 ms within 2 ms, 3 instances for up to 245 ms within 2 ms"
	if got := tl.moments.String(); got != want || tl.missing(3) != 9 {
		t.Errorf("%d missing%s", tl.missing(3), got)
	}
}
