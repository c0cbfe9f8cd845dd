package pairing_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/pairing"
	"holdfast.dev/transport/wire"
)

const start = clock.Instant(time.Hour)

// end is one side. What it sends by UDP is kept until the test delivers it.
type end struct {
	*pairing.Pair[*line]
	node    transport.NodeID
	can     wire.Capability
	dialled []*line
	told    []local.Msg
	grams   [][]byte
	again   [][]byte
	until   clock.Instant
	changes int
}

type line struct {
	pairing.Conn
	signals           int
	dropped, finished bool
}

func (l *line) Signal()                             { l.signals++ }
func (l *line) Drop()                               { l.dropped = true }
func (l *line) Finish()                             { l.finished = true }
func (l *line) Measure() (transport.Measured, bool) { return transport.Measured{}, false }
func (l *line) Local() netip.Addr                   { return netip.Addr{} }

func addr(node byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, node}) }

// newEnd makes node 1 or 2, whose peer is the other one.
func newEnd(kind transport.Kind, node byte) *end {
	e := &end{node: transport.NodeID{node}, can: wire.CanReport | wire.CanHand}
	key := transport.PeerKey{Kind: kind, Local: addr(node), Addr: addr(3 - node), Port: transport.Port}
	e.Pair = pairing.New[*line](start, transport.Peer{PeerKey: key, Interval: time.Second, Down: 3 * time.Second}, e.node, e)
	return e
}

func (e *end) Hello() wire.Hello {
	return wire.Hello{Min: wire.Version, Max: wire.Version, Can: e.can, Node: e.node, Clock: 1, Release: "test"}
}

func (e *end) Dial() *line {
	l := &line{}
	e.dialled = append(e.dialled, l)
	return l
}

func (e *end) Wait(until clock.Instant) { e.until = until }
func (e *end) Changed()                 { e.changes++ }

func (e *end) Tell(m *local.Msg) {
	own := *m
	own.Payload = bytes.Clone(m.Payload)
	e.told = append(e.told, own)
}

func (e *end) Datagram(b []byte) error {
	e.grams = append(e.grams, bytes.Clone(b))
	return nil
}

func (e *end) Again(_ time.Duration, b []byte) { e.again = append(e.again, b) }

// advert is one of VRID 51 with an interval of a second.
func (e *end) advert() *local.Msg {
	return &local.Msg{
		Type: local.Send, Kind: e.Peer.Kind, Src: e.Peer.Local, Dst: e.Peer.Addr, ID: 7, Payload: []byte{0x31, 51, 200, 1, 0, 100, 0, 0},
	}
}

// greet has a side take the other's HELLO.
func (e *end) greet(t *testing.T, now clock.Instant, l *line, from *end) {
	t.Helper()
	h := from.Hello()
	got, rest, err := pairing.Introduced(append(h.Append(nil), 0))
	if err != nil || len(rest) != 1 {
		t.Fatalf("%v, %d octets left", err, len(rest))
	}
	ours := e.Hello()
	if _, err := pairing.Meet(&ours, &got); err != nil {
		t.Fatal(err)
	}
	e.Greeted(now, l, &got, false)
}

// connected are two sides with one connection.
func connected(t *testing.T) (a, b *end, la, lb *line) {
	t.Helper()
	a, b, lb = newEnd(transport.TCP, 1), newEnd(transport.TCP, 2), &line{}
	a.Wake(start)
	if len(a.dialled) != 1 || a.until <= start {
		t.Fatalf("%d dials, to be woken at %v", len(a.dialled), a.until)
	}
	la = a.dialled[0]
	a.Reached(start, la)
	b.Accepted(lb)
	a.greet(t, start, la, b)
	b.greet(t, start, lb, a)
	if !a.Status().Up || !b.Status().Up || a.changes != 1 || b.changes != 1 {
		t.Fatalf("%+v, %+v", a.Status(), b.Status())
	}
	return a, b, la, lb
}

// TestConnection: what the engine says comes out on the other side, in whatever pieces it is read.
func TestConnection(t *testing.T) {
	a, b, la, lb := connected(t)
	now := start.Add(time.Millisecond)
	hand := &local.Msg{Type: local.Hand, Kind: transport.TCP, Src: addr(1), Dst: addr(2), VRID: 51, State: 3}
	report := &local.Msg{Type: local.Report, Kind: transport.TCP, Src: addr(1), Dst: addr(2), VRID: 51, State: 2, Priority: 99, Hears: true}
	for _, m := range []*local.Msg{a.advert(), report, hand} {
		if !a.Send(now, m) {
			t.Fatalf("%+v does not wait", m)
		}
	}
	a.Step(now, transport.Queued{})
	if la.signals == 0 {
		t.Fatal("nobody was told that something is to be written")
	}
	out, last := a.Collect(now, la, nil)
	if last {
		t.Fatal("the end, so early")
	}
	var left []byte
	for i := range out {
		var err error
		if left, _, err = b.Read(now, lb, append(left, out[i])); err != nil {
			t.Fatal(err)
		}
	}
	if len(left) != 0 || len(b.told) != 3 {
		t.Fatalf("%d octets are left; told: %+v", len(left), b.told)
	}
	for i, m := range b.told {
		if m.Kind != transport.TCP || m.Src != addr(1) || m.Dst != addr(2) || m.Origin != addr(1) {
			t.Errorf("message %d is between %v and %v by %v, from %v", i, m.Src, m.Dst, m.Kind, m.Origin)
		}
	}
	if m := b.told[0]; m.Type != local.Received || m.ID != 7 || !bytes.Equal(m.Payload, a.advert().Payload) {
		t.Errorf("%+v", m)
	}
	if m := b.told[1]; m.Type != local.Told || m.VRID != 51 || m.State != 2 || m.Priority != 99 || !m.Hears {
		t.Errorf("%+v", m)
	}
	if m := b.told[2]; m.Type != local.Handed || m.VRID != 51 || m.State != 3 {
		t.Errorf("%+v", m)
	}
	if _, _, err := b.Read(now, lb, out); err != nil || len(b.told) != 3 {
		t.Errorf("what has come already counts once more: %v", err)
	}
}

// TestGoodbye: the last word is BYE, which says why; nothing is told behind it.
func TestGoodbye(t *testing.T) {
	a, b, la, lb := connected(t)
	a.Send(start, a.advert())
	a.Close(wire.ByeStop)
	if !la.finished || la.dropped || a.Send(start, a.advert()) {
		t.Fatal("it has not said goodbye")
	}
	out, last := a.Collect(start, la, nil)
	if last {
		t.Fatal("an advert was not said")
	}
	bye, last := a.Collect(start, la, nil)
	if !last {
		t.Fatal("no BYE")
	}
	_, n, err := b.Read(start, lb, append(out, bye...))
	if w, ok := pairing.Why(err); n != 1 || !ok || w != transport.Stopping || len(b.told) != 1 {
		t.Fatalf("%d frames, %v (%v), %+v", n, w, err, b.told)
	}
	b.Ended(start, lb, transport.Stopping, "")
	if b.Status().Up || b.Wanted(lb) || b.changes != 2 {
		t.Errorf("%+v", b.Status())
	}
	b.Ended(start, lb, transport.Denied, "again")
	if b.Count.Refused != 0 || b.Trouble != "" {
		t.Error("an end counts twice")
	}
}

// TestPing: every PING is answered, and no more than a few are kept in mind.
func TestPing(t *testing.T) {
	_, b, _, lb := connected(t)
	var in []byte
	for i := range 100 {
		in = (&wire.Ping{Token: uint64(i + 1)}).Append(in)
	}
	if _, n, err := b.Read(start, lb, in); n != 100 || err != nil {
		t.Fatal(n, err)
	}
	out, _ := b.Collect(start, lb, nil)
	if want := 16 * len((&wire.Pong{}).Append(nil)); len(out) != want || lb.signals < 16 {
		t.Errorf("%d octets of answers, want %d", len(out), want)
	}
}

// TestRefused: what can't be ends the connection, and is nobody's death.
func TestRefused(t *testing.T) {
	unknown := []byte{0, 2, 200, 0}
	for name, c := range map[string]struct {
		frames []byte
		text   string
	}{
		"garbage":     {[]byte{0, 0, 0, 0}, ""},
		"long":        {[]byte{0xff, 0xff}, ""},
		"unknown":     {unknown, "does not know"},
		"bye":         {(&wire.Bye{Reason: wire.ByeUnknown}).Append(nil), "nobody"},
		"short ping":  {[]byte{0, 2, byte(wire.TypePing), 0}, ""},
		"short stamp": {[]byte{0, 3, byte(wire.TypeAdvert), 0, 1}, ""},
	} {
		_, b, _, lb := connected(t)
		_, n, err := b.Read(start, lb, c.frames)
		if w, ok := pairing.Why(err); n != 0 || !ok || w != transport.Denied || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %d frames, %v", name, n, err)
		}
	}
	_, b, _, lb := connected(t)
	unknown[3] = wire.FlagSkip
	if _, n, err := b.Read(start, lb, unknown); n != 1 || err != nil {
		t.Errorf("%d frames, %v", n, err)
	}
}

// TestMeet: with whom there is nothing to talk about.
func TestMeet(t *testing.T) {
	ours, theirs := newEnd(transport.TCP, 1).Hello(), newEnd(transport.TCP, 2).Hello()
	if _, err := pairing.Meet(&ours, &theirs); err != nil {
		t.Error(err)
	}
	theirs.Min, theirs.Max = wire.Version+1, wire.Version+3
	last, err := pairing.Meet(&ours, &theirs)
	if w, _ := pairing.Why(err); w != transport.Denied || !bytes.Equal(last, (&wire.Bye{Reason: wire.ByeVersion}).Append(nil)) {
		t.Errorf("%v, %x", err, last)
	}
	theirs = ours
	if last, err := pairing.Meet(&ours, &theirs); err == nil || last != nil {
		t.Errorf("we talk to ourselves: %x", last)
	}
	for _, b := range [][]byte{(&wire.Ping{}).Append(nil), {0, 0}, (&wire.Bye{Reason: wire.ByeSurplus}).Append(nil)} {
		_, _, err := pairing.Introduced(b)
		if w, ok := pairing.Why(err); !ok || w != transport.Denied && w != transport.Goodbye {
			t.Errorf("%x: %v", b, err)
		}
	}
	if _, rest, err := pairing.Introduced([]byte{0}); err != wire.ErrShort || len(rest) != 1 {
		t.Errorf("%v, %d octets", err, len(rest))
	}
}

// TestUnsendable: what can't be carried is refused, and what the peer does not understand is not sent.
func TestUnsendable(t *testing.T) {
	a, _, _, _ := connected(t)
	for _, payload := range [][]byte{nil, {0x31, 51}, append([]byte{0x31, 51, 200, 1, 0, 100, 0, 0}, make([]byte, wire.MaxPacket)...)} {
		m := a.advert()
		if m.Payload = payload; a.Send(start, m) {
			t.Errorf("%d octets are sent", len(payload))
		}
	}
	if a.Count.Refused != 3 {
		t.Errorf("%d refused", a.Count.Refused)
	}
	a.Can = wire.CanReport
	if a.Send(start, &local.Msg{Type: local.Hand, Src: addr(1), Dst: addr(2), VRID: 51}) {
		t.Error("a word in a hand-over for one who does not understand it")
	}
}

// deliver gives a side what the other one has sent.
func deliver(t *testing.T, now clock.Instant, from, to *end) {
	t.Helper()
	grams := from.grams
	from.grams = nil
	for _, g := range grams {
		if err := to.ReadDatagram(now, g); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDatagrams: UDP is up as long as something comes; adverts go twice where answers are missing, and not because the peer was started anew.
func TestDatagrams(t *testing.T) {
	a, b := newEnd(transport.UDP, 1), newEnd(transport.UDP, 2)
	now := start
	a.Wake(now)
	b.Wake(now)
	if a.until != now.Add(time.Second) {
		t.Errorf("to be woken at %v", a.until)
	}
	deliver(t, now, a, b)
	deliver(t, now, b, a)
	deliver(t, now, a, b)
	if !a.Status().Up || !b.Status().Up {
		t.Fatal("not up")
	}
	a.Send(now, a.advert())
	deliver(t, now, a, b)
	if len(b.told) != 1 || len(a.again) != 0 {
		t.Fatalf("%+v, %d times again", b.told, len(a.again))
	}
	now = now.Add(time.Second)
	a.Wake(now) // gets lost
	a.grams = nil
	now = now.Add(time.Second)
	a.Wake(now)
	a.Send(now, a.advert())
	if len(a.again) != 1 {
		t.Fatalf("%d times again", len(a.again))
	}
	a.Repeat(a.again[0])
	b.told = nil
	deliver(t, now, a, b)
	if len(b.told) != 1 {
		t.Errorf("told %d times", len(b.told))
	}
	b.grams = nil
	b = newEnd(transport.UDP, 2)
	b.node = transport.NodeID{9}
	b.Wake(now)
	deliver(t, now, b, a)
	a.again = nil
	a.Send(now, a.advert())
	if len(a.again) != 0 {
		t.Error("what an earlier life has not answered is no loss")
	}
	a.Wake(now.Add(4 * time.Second))
	if a.Status().Up || a.Trouble != "no answer" {
		t.Errorf("%+v, %q", a.Status(), a.Trouble)
	}
	a.grams = nil
	a.Close(wire.ByeStop)
	if len(a.grams) != 1 {
		t.Fatal("no BYE")
	}
	a.Repeat([]byte{1})
	if len(a.grams) != 1 {
		t.Error("it speaks after its end")
	}
}
