package vrrp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/vrrp/wire"
)

// keepalived's auth_hmac, draft-cassen-vrrp-auth-hmac, and the Authentication Header of RFC 2338 section 10.3. A packet counts if a MASTER yields to it.

// authentic runs a MASTER with these settings, gives it the adverts (after "at"), and returns it and what it did.
func authentic(t *testing.T, router string, lines ...string) (*Router, string) {
	t.Helper()
	w := newWorld(t)
	for _, line := range append([]string{"router R prio=100 " + router, "link eth0 192.0.2.5/24", "start", "at 4s"}, lines...) {
		w.line(line)
	}
	return w.e.routers[0], w.out.String()
}

const yields = "R MASTER -> BACKUP"

// HM-rx-01, 03, 05 to 08: what of the trailer is wrong, and the counter that says so.
func TestHMACReceive(t *testing.T) {
	const enforce, permissive, receiveOnly = "hmac=1:a,2:b window=6s", "hmac=1:a,2:b window=6s mode=permissive", "hmac=1:a,2:b window=6s mode=receive-only"
	for _, c := range []struct {
		router, advert string
		want           wire.Reason // OK: it counts
	}{
		{enforce, "", wire.OK},
		{enforce, "key=2:b", wire.OK},
		{enforce, "unsigned", wire.TrailerMissing},
		{enforce, "type=2", wire.TrailerMalformed},
		{enforce, "key=3:a", wire.TrailerUnknownKey},
		{enforce, "key=1:b", wire.TrailerInvalid},
		{enforce, "skew=7s", wire.TrailerStale},
		{enforce, "skew=-7s", wire.TrailerStale},
		{enforce, "skew=5s", wire.OK},
		{enforce, "skew=-5s", wire.OK},
		{enforce, "key=3:wrong skew=7s", wire.TrailerStale}, // before any key is looked for
		{permissive, "", wire.OK},
		{permissive, "unsigned", wire.OK},
		{permissive, "key=1:b", wire.TrailerInvalid},
		{permissive, "type=2", wire.TrailerMalformed},
		{receiveOnly, "unsigned", wire.OK},
		{receiveOnly, "key=1:a", wire.OK},
		{receiveOnly, "key=1:b", wire.TrailerInvalid},
		{"hmac=", "key=1:a", wire.TooLong}, // for those who know nothing of trailers
	} {
		r, out := authentic(t, c.router, "advert from 192.0.2.9 prio 200 "+c.advert)
		if got := strings.Contains(out, yields); got != (c.want == wire.OK) {
			t.Errorf("%s, %s: it yields: %v", c.router, c.advert, got)
		}
		for reason, n := range r.stats.Dropped {
			if want := wire.Reason(reason) == c.want && c.want != wire.OK; (n == 1) != want {
				t.Errorf("%s, %s: %v is counted %d times", c.router, c.advert, wire.Reason(reason), n)
			}
		}
	}
}

// HM-rx-02: TTL, version, HMAC, and then everything else.
func TestHMACOrder(t *testing.T) {
	for _, c := range []struct {
		advert string
		edit   func(rx *Received)
		want   wire.Reason
	}{
		{"key=1:b ttl=254", nil, wire.WrongTTL},
		{"key=1:b", func(rx *Received) { rx.Payload[0] = 0x31; rx.Payload = slices.Delete(rx.Payload, 12, 20) }, wire.BadVersion},
		{"key=1:b", func(rx *Received) { rx.Payload[0] = 0x22 }, wire.TrailerInvalid},
		{"key=1:b", func(rx *Received) { rx.Payload[5] = 9 }, wire.TrailerInvalid},
		{"key=1:a badsum", nil, wire.BadChecksum}, // of which the tag knows nothing
	} {
		w := newWorld(t)
		for _, line := range []string{"router R prio=100 hmac=1:a", "link eth0 192.0.2.5/24", "start", "at 4s"} {
			w.line(line)
		}
		rx := w.advert(strings.Fields("from 192.0.2.9 prio 200 " + c.advert))
		if c.edit != nil {
			c.edit(rx)
		}
		w.step(rx)
		if r := w.e.routers[0]; r.stats.Dropped[c.want] != 1 || r.state != Master {
			t.Errorf("%s: not %v but %v", c.advert, c.want, r.refusal.Reason)
		}
	}
}

// HM-rx-04.
func TestHMACUnicastStranger(t *testing.T) {
	r, out := authentic(t, "v=3 hmac=1:a peers=192.0.2.9", "advert from 192.0.2.66 dst=192.0.2.5 prio 200")
	if strings.Contains(out, yields) || r.stats.Dropped[wire.WrongPeer] != 1 {
		t.Errorf("%v\n%s", r.stats.Dropped, out)
	}
}

// replayer keeps a packet and gives it to a BACKUP again and again; what it answers is whether it counted.
type replayer struct{ *world }

func newReplayer(t *testing.T, router string) *replayer {
	w := newWorld(t)
	for _, line := range []string{"router R prio=100 " + router, "link eth0 192.0.2.5/24", "start"} {
		w.line(line)
	}
	return &replayer{world: w}
}

func (p *replayer) packet(from string, more string) *Received {
	return p.advert(strings.Fields("from " + from + " prio 200 " + more))
}

func (p *replayer) counts(rx *Received) bool {
	c := *rx
	c.Payload = bytes.Clone(rx.Payload)
	before := p.e.routers[0].stats.Received
	p.step(&c)
	return p.e.routers[0].stats.Received == before+1
}

// HM-rx-09 to 11: a sequence counts once; four senders of a group are remembered, those that were heard last, and only by what was signed; a mark
// that is not near our clock any more is forgotten.
func TestHMACReplay(t *testing.T) {
	p := newReplayer(t, "hmac=1:a window=5s")
	first := p.packet("192.0.2.9", "")
	second := p.packet("192.0.2.9", "")
	if !p.counts(second) || p.counts(second) || p.counts(first) || p.e.routers[0].stats.Dropped[wire.TrailerReplayed] != 2 {
		t.Errorf("%v", p.e.routers[0].stats.Dropped)
	}
	for i := range 3 { // three more senders, and many that have no key
		if !p.counts(p.packet(fmt.Sprintf("192.0.2.1%d", i), "")) {
			t.Error("another sender")
		}
		for k := range 9 {
			p.counts(p.packet(fmt.Sprintf("192.0.2.2%d", k), "key=1:b"))
		}
	}
	if p.counts(second) {
		t.Error("forgotten, though there are four")
	}
	if !p.counts(p.packet("192.0.2.30", "")) || !p.counts(p.packet("192.0.2.31", "")) || p.counts(p.packet("192.0.2.31", "skew=-1s")) {
		t.Error("the fifth and sixth sender")
	}
	p.line("wallclock -60s") // our clock was wrong by a minute
	if !p.counts(p.packet("192.0.2.31", "skew=0s")) {
		t.Error("a mark of the wrong clock still counts")
	}
	peers := newReplayer(t, "v=3 hmac=1:a peers=192.0.2.10,192.0.2.11,192.0.2.12,192.0.2.13,192.0.2.14,192.0.2.15")
	var old []*Received
	for i := range 6 { // of peers all are remembered
		old = append(old, peers.packet(fmt.Sprintf("192.0.2.1%d", i), "dst=192.0.2.5"))
		if !peers.counts(old[i]) {
			t.Errorf("peer %d", i)
		}
	}
	for i := range old {
		if peers.counts(old[i]) {
			t.Errorf("peer %d: the same again", i)
		}
	}
}

// HM-rx-12.
func TestHMACHalfTheWindow(t *testing.T) {
	_, out := authentic(t, "hmac=1:a window=10s", "advert from 192.0.2.9 prio 50 skew=6s", "run 100ms", "advert from 192.0.2.9 prio 50 skew=7s")
	if n := strings.Count(out, "the clock of 192.0.2.9 is"); n != 1 {
		t.Errorf("warned %d times\n%s", n, out)
	}
	if _, out := authentic(t, "hmac=1:a window=10s", "advert from 192.0.2.9 prio 50 skew=4s"); strings.Contains(out, "the clock of") {
		t.Error(out)
	}
}

// signed are the trailers of what a router sends.
func signed(t *testing.T, lines ...string) (all []Send, trailers []wire.Trailer) {
	t.Helper()
	w := newWorld(t)
	w.sent = func(s *Send) {
		c := *s
		c.Payload = bytes.Clone(s.Payload)
		all = append(all, c)
		adv, r := wire.Decode(c.Payload, s.Src, s.Dst, wire.Options{Trailer: true})
		tr, found := adv.ParseTrailer()
		if r != wire.OK || found != wire.OK {
			return
		}
		for _, id := range []string{"1:a", "2:b"} {
			k := secret(w, id)
			if key, err := wire.NewTrailerKey(k.ID, k.Secret); err == nil && k.ID == tr.KeyID && key.Verify(&adv, s.Src) {
				trailers = append(trailers, tr)
			}
		}
	}
	for _, line := range lines {
		w.line(line)
	}
	return all, trailers
}

// HM-tx-01, 04: everything is signed, once for all copies, also priority 0; not so in receive-only.
func TestHMACSend(t *testing.T) {
	script := []string{"router R v=3 prio=100 hmac=1:a,2:b active=2 peers=192.0.2.8,192.0.2.9", "link eth0 192.0.2.5/24", "start", "at 6s", "stop"}
	all, trailers := signed(t, script...)
	if len(all) < 8 || len(trailers) != len(all) || all[len(all)-1].Payload[2] != 0 {
		t.Fatalf("%d adverts, %d signed", len(all), len(trailers))
	}
	for i, tr := range trailers {
		if tr.KeyID != 2 || i%2 == 1 && tr != trailers[i-1] || i >= 2 && i%2 == 0 && !tr.Sequence.After(trailers[i-2].Sequence) {
			t.Errorf("advert %d: %+v", i, tr)
		}
	}
	script[0] += " mode=receive-only"
	if all, trailers = signed(t, script...); len(all) < 8 || len(trailers) != 0 || len(all[0].Payload) != 12 {
		t.Errorf("receive-only: %d of %d are signed", len(trailers), len(all))
	}
}

// HM-tx-02, 03: the clock, or the last and one more; given up where it is more than the window ahead of the clock.
func TestHMACSequence(t *testing.T) {
	_, tr := signed(t, "router R prio=100 hmac=1:a window=5s", "link eth0 192.0.2.5/24", "start", "at 4s",
		"advert from 192.0.2.9 prio 50 skew=0s", "advert from 192.0.2.9 prio 50 skew=1s") // answered twice in one moment
	if n := len(tr); n != 3 || tr[2].Sequence != tr[1].Sequence+1 || tr[1].Sequence>>32 != tr[0].Sequence>>32 && tr[1].Sequence>>32 != tr[0].Sequence>>32+1 {
		t.Errorf("%+v", tr)
	}
	for back, anew := range map[string]bool{"-3s": false, "-60s": true} {
		_, tr := signed(t, "router R prio=100 hmac=1:a window=5s", "link eth0 192.0.2.5/24", "start", "at 4s", "wallclock "+back, "run 1s")
		if n := len(tr); n != 2 || tr[1].Sequence.After(tr[0].Sequence) == anew || !anew && tr[1].Sequence != tr[0].Sequence+1 {
			t.Errorf("set back by %s: %+v", back, tr)
		}
	}
}

// HM-ops-01: receive-only, permissive, enforce, one node after the other; then another key in the same way. Nothing happens.
func TestHMACRollout(t *testing.T) {
	l := newLAN(100 * time.Microsecond)
	key := func(id uint8) HMACKey {
		return HMACKey{ID: id, Secret: Secret(strings.Repeat(string(rune('a'+id)), 32))}
	}
	reload := func(i int, h *HMAC) {
		s := spec("R", 51, []uint8{200, 100}[i])
		s.HMAC = h
		l.nodes[i].round(&Configure{Config: &Config{Restore: true, Routers: []Spec{s}}})
		l.run(l.now.Mono.Add(5 * time.Second))
	}
	l.join(1)
	l.join(2)
	for i := range 2 {
		reload(i, nil)
	}
	l.run(l.now.Mono.Add(10 * time.Second))
	moves := 0
	l.check = func(_ *node, a Action) {
		if _, ok := a.(*Transition); ok {
			moves++
		}
	}
	one, both := []HMACKey{key(1)}, []HMACKey{key(1), key(2)}
	for _, h := range []*HMAC{
		{Keys: one, Active: 1, Window: 5 * time.Second, Mode: HMACReceiveOnly},
		{Keys: one, Active: 1, Window: 5 * time.Second, Mode: HMACPermissive},
		{Keys: one, Active: 1, Window: 5 * time.Second},
		{Keys: both, Active: 1, Window: 5 * time.Second},
		{Keys: both, Active: 2, Window: 5 * time.Second},
		{Keys: both[1:], Active: 2, Window: 5 * time.Second},
	} {
		for i := range 2 {
			reload(i, h)
		}
	}
	if n, _ := l.masters(51); n != 1 || moves != 0 {
		t.Errorf("%d masters, %d transitions", n, moves)
	}
	if r := l.nodes[1].e.routers[0]; r.stats.Dropped != [wire.Reasons]uint64{} {
		t.Errorf("the backup has refused %v", r.stats.Dropped)
	}
}

func TestRegressionA25_SequenceAfterAClockStep(t *testing.T) {
	// A sender's clock jumps ahead by a minute and is corrected. Its receivers refuse it meanwhile, and take it again with its first advert after.
	p := newReplayer(t, "hmac=1:a window=5s")
	if !p.counts(p.packet("192.0.2.9", "skew=0s")) || p.counts(p.packet("192.0.2.9", "skew=60s")) {
		t.Error("before, and with a clock that is wrong")
	}
	p.line("run 1s")
	if !p.counts(p.packet("192.0.2.9", "skew=0s")) {
		t.Error("corrected, and still refused")
	}
	// As a sender, it does not go on from the wrong time.
	_, tr := signed(t, "router R prio=100 hmac=1:a window=5s", "link eth0 192.0.2.5/24", "start", "at 4s", "wallclock 60s", "run 2s", "wallclock -60s", "run 2s")
	if n := len(tr); n < 5 || tr[2].Sequence>>32-tr[0].Sequence>>32 < 60 || tr[n-1].Sequence>>32-tr[0].Sequence>>32 > 5 {
		t.Errorf("%+v", tr)
	}
	// As a receiver whose own clock was wrong, it does not stay with what it noted then.
	q := newReplayer(t, "hmac=1:a window=5s")
	q.line("wallclock 60s")
	if !q.counts(q.packet("192.0.2.9", "skew=0s")) {
		t.Error("both clocks are ahead")
	}
	if q.line("wallclock -60s"); !q.counts(q.packet("192.0.2.9", "skew=0s")) {
		t.Error("both are corrected, and it is refused")
	}
}

func TestRegressionA26_TagDoesNotCoverTheChecksumOfIPv6(t *testing.T) {
	all, trailers := signed(t, "router R v=3 prio=100 hmac=1:a addr=fe80::100/64", "link eth0 fe80::5/64", "start", "run 5s")
	if len(all) == 0 || len(trailers) != len(all) {
		t.Fatalf("%d of %d signed", len(trailers), len(all))
	}
	for i := range all {
		rx := &Received{Src: all[i].Src, Dst: all[i].Dst, Payload: all[i].Payload}
		resum(rx) // as the kernel does, after signing
		adv, _ := wire.Decode(rx.Payload, rx.Src, rx.Dst, wire.Options{Trailer: true})
		key, err := wire.NewTrailerKey(1, []byte(strings.Repeat("a", 32)))
		if err != nil || !key.Verify(&adv, rx.Src) || adv.Sum != wire.FormPseudo {
			t.Errorf("%x: %v, or the tag is wrong", rx.Payload, adv.Sum)
		}
	}
}

// RFC 2338 section 10.3, RFC 2402 section 3.4.3: a sequence counts once and never goes back.
func TestRFC2402_3_4_3_Sequence(t *testing.T) {
	p := newReplayer(t, "auth=AH pass=secret")
	fifth := p.packet("192.0.2.9", "seq=5")
	fourth, seventh := p.packet("192.0.2.9", "seq=4"), p.packet("192.0.2.9", "seq=7")
	if !p.counts(fifth) || p.counts(fifth) || p.counts(fourth) || !p.counts(seventh) || p.e.routers[0].stats.Dropped[wire.AHReplayed] != 2 {
		t.Errorf("%v", p.e.routers[0].stats.Dropped)
	}
	if p.counts(p.packet("192.0.2.9", "pass=wrong seq=8")) || p.e.routers[0].stats.Dropped[wire.BadICV] != 1 {
		t.Errorf("another password: %v", p.e.routers[0].stats.Dropped)
	}
}

// keepalived counts one sequence for all: a MASTER that hears a lower one goes on from there (rule G2).
func TestAHSequenceIsShared(t *testing.T) {
	follow(t, "router R prio=100 auth=AH pass=secret\nlink eth0 192.0.2.5/24\nstart\nat 4s advert from 192.0.2.9 prio 50 seq=700\nrun 1s", "AH 1 ", "AH 701 ", "AH 702 ")
}

// Two MASTERs that advertise in the same moment count alike. Each hears the other, once.
func TestAHTwoMastersInStep(t *testing.T) {
	p := newReplayer(t, "auth=AH pass=secret")
	p.line("run 4s")
	if st := p.e.routers[0].State(); st != Master || p.e.routers[0].ah.last != 1 {
		t.Fatalf("%v, sequence %d", st, p.e.routers[0].ah.last)
	}
	if own := p.packet("192.0.2.5", "seq=1"); p.counts(own) {
		t.Error("its own advert counts")
	}
	if other := p.packet("192.0.2.9", "seq=1"); !p.counts(other) || p.counts(other) {
		t.Error("that of the other does not count once")
	}
}

// A packet that was cut off anywhere, with or without an Authentication Header, is refused, however often it comes, and that is all.
func TestCutOffPackets(t *testing.T) {
	for _, auth := range []string{"auth=AH pass=secret", "v=2 auth=PASS pass=secret", ""} {
		for _, ah := range []bool{false, true} {
			for n := range 2 * wire.AHLen {
				p := newReplayer(t, auth)
				p.line("run 4s") // MASTER, who looks at rivals too
				whole := p.packet("192.0.2.9", "")
				whole.Port.AH = ah
				message := append([]byte{0x21, p.e.routers[0].spec.VRID, 100, 1, 9}, make([]byte, wire.AHLen)...)
				if ah {
					message = append(make([]byte, wire.AHLen), message...)
				}
				for range 6 {
					for _, payload := range [][]byte{whole.Payload, message} {
						cut := *whole
						cut.Payload = bytes.Clone(payload[:min(n, len(payload))])
						p.step(&cut)
					}
					p.line("run 1s")
				}
			}
		}
	}
}
