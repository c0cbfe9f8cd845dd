package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"holdfast.dev/internal/certs"
	"holdfast.dev/transport"
	"holdfast.dev/transport/wire"
)

// carriedAdvert reads whether a segment of TCP or a datagram of UDP holds an advert. What TLS has made of it is told by its length.
func carriedAdvert(tcp bool, b []byte) (a advert, ok bool) {
	head := 8
	if tcp {
		if len(b) < 20 {
			return a, false
		}
		head = int(b[12]>>4) * 4
	}
	if len(b) < head {
		return a, false
	}
	const record, recordHead, seal = 23, 5, 17 // of TLS 1.3: application data; type of what is inside, and the tag
	if b = b[head:]; tcp && len(b) > recordHead && b[0] == record && b[1] == 3 {
		return advert{vrid: 1, priority: both}, sealedAdvert(int(b[3])<<8 + int(b[4]) - seal)
	}
	for {
		f, rest, err := wire.Next(b)
		if err != nil {
			return a, false
		}
		if a, ok := plainAdvert(&f); ok {
			return a, true
		}
		b = rest
	}
}

func plainAdvert(f *wire.Frame) (a advert, ok bool) {
	var ad wire.Advert
	if f.Type != wire.TypeAdvert || ad.Parse(f) != nil {
		return a, false
	}
	c, ok := wire.ReadClaim(ad.Packet)
	return advert{vrid: int(c.VRID), priority: int(c.Priority)}, ok
}

// sealedAdvert reports whether so many octets are an advert with one address and, maybe, frames beside it.
func sealedAdvert(n int) bool {
	const ad, report, ping, pong = 46, 37, 12, 20
	if n -= ad; n == 0 {
		return true
	}
	for _, other := range []int{report, ping, pong} {
		if n >= other && sealedAdvert(n-other+ad) {
			return true
		}
	}
	return false
}

// lane is two routers that hear each other in one way.
type lane struct {
	name  string
	side  *side
	world *world
	files [2]*file
	laps  int
	ready time.Time // when the router that was started last has surely heard the other
	late  []float64
}

// transports measures what the way in which adverts travel does to a take-over: from the last advert of a master whose link is cut to the address in the
// kernel of its successor, less the down time. All ways stand side by side, and their masters are cut off in turn.
func (b *bench) transports() error {
	for _, every := range b.intervals([]time.Duration{time.Second, 100 * time.Millisecond}) {
		if err := b.transportsAt(every); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) transportsAt(every time.Duration) error {
	var lanes []*lane
	defer func() {
		for _, l := range lanes {
			b.report.add("link of the master is cut: address beyond the protocol's time", l.name+", adverts every "+every.String(), "ms", l.side.name, l.late...)
			l.world.close()
		}
	}()
	for _, name := range []string{"ip", "udp", "tcp", "tls"} {
		for _, s := range b.sides {
			if s.name == theirs && name != "ip" {
				continue // it has no other
			}
			l, err := b.lane(name, s, every)
			if err != nil {
				return fmt.Errorf("%s over %s: %w", s.name, name, err)
			}
			lanes = append(lanes, l)
		}
	}
	laps := b.times(32, 3)
	if every == time.Second {
		laps = b.times(12, 2)
	}
	for range laps {
		for _, l := range lanes {
			if err := b.lap(l); err != nil {
				return fmt.Errorf("%s over %s, after %d: %w", l.side.name, l.name, l.laps, err)
			}
		}
	}
	return nil
}

// lane starts two routers.
func (b *bench) lane(name string, s *side, every time.Duration) (*lane, error) {
	w, err := newWorld(1)
	if err != nil {
		return nil, err
	}
	l := &lane{name: name, side: s, world: w}
	own := [2]string{"10.0.0.1", "10.0.0.2"}
	dir := ""
	if name == transport.TLS.String() {
		if dir, err = b.certificates(own[:]...); err != nil {
			w.close()
			return nil, err
		}
	}
	for i := range l.files {
		f := &file{priority: both, interval: every, count: 1}
		f.lines = []string{"unicast_src_ip " + own[i], "unicast_peer {\n\t\t" + own[1-i] + "\n\t}"}
		if s.name == ours {
			f.lines = append(f.lines, "transport "+name)
		}
		if dir != "" {
			f.lines = append(f.lines, certs.Lines(dir, i)...)
		}
		l.files[i] = f
	}
	if err := b.begin(l); err != nil {
		w.close()
		return nil, err
	}
	return l, nil
}

// begin starts the first router and, when it is master, which it can't tell anybody yet, the second.
func (b *bench) begin(l *lane) error {
	w, now := l.world, time.Now().UnixNano()
	if err := b.start(w.nodes[0], l.side, l.files[0]); err != nil {
		return err
	}
	err := await("the first router has the address", 20*time.Second+l.files[0].down(), func() bool { return len(w.nodes[0].watch.came(now)) > 0 })
	if err != nil {
		return err
	}
	l.ready = time.Now().Add(2*time.Second + l.files[0].interval)
	return b.start(w.nodes[1], l.side, l.files[1])
}

// lap cuts the master off, and puts it back as the backup.
func (b *bench) lap(l *lane) error {
	w, f := l.world, l.files[0]
	old := w.nodes[l.laps%2]
	if err := w.agreed(old, f); err != nil {
		return err
	}
	time.Sleep(time.Until(l.ready))
	time.Sleep(f.interval / 7 * time.Duration(l.laps%7)) // not always at the same phase
	if err := w.fabric.SetDown(portName(old.number, 0)); err != nil {
		return err
	}
	cut := time.Now().UnixNano()
	last := w.cap.ends(old.number, cut, true)[[2]int{0, 1}]
	if last == 0 {
		return errors.New("the old master has sent nothing")
	}
	addr, heir := netip.MustParseAddr(vip(0, 1)), w.other(old)
	err := await("the survivor has the address", f.down()+5*time.Second, func() bool { return heir.watch.came(last)[addr] != 0 })
	if err != nil {
		return err
	}
	l.late = append(l.late, ms(time.Duration(heir.watch.came(last)[addr]-last)-f.down()))
	l.laps++
	old.kill()
	if err := w.revive(old); err != nil {
		return err
	}
	w.cap.forget()
	l.ready = time.Now().Add(2*time.Second + f.interval)
	return b.start(old, l.side, l.files[old.number])
}

// certificates makes some in a folder of their own.
func (b *bench) certificates(addrs ...string) (dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, "certificates-"); err != nil {
		return "", err
	}
	return dir, certs.Make(dir, addrs...)
}
