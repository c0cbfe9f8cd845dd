package carrier

import (
	"errors"
	"net"
	"syscall"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
	"holdfast.dev/transport/wire"
)

// reader takes frames off a stream.
type reader struct {
	net  net.Conn
	raw  syscall.RawConn // for acknowledgements
	buf  []byte
	from int // what was read and not parsed is buf[from:to]
	to   int
}

// readRoom is more than a frame, and a whole TLS record.
const readRoom = 20 << 10

func newReader(n net.Conn, raw syscall.RawConn, room int) *reader {
	return &reader{net: n, raw: raw, buf: make([]byte, room)}
}

// grow gives a reader that has proved itself its full room.
func (r *reader) grow() {
	if len(r.buf) >= readRoom {
		return
	}
	buf := make([]byte, readRoom)
	r.to = copy(buf, r.buf[r.from:r.to])
	r.from, r.buf = 0, buf
}

// fill waits for more.
func (r *reader) fill() error {
	if r.from > 0 {
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	}
	if r.to == len(r.buf) {
		return wire.ErrLong
	}
	n, err := r.net.Read(r.buf[r.to:])
	r.to += n
	if n > 0 {
		quickAck(r.raw)
		return nil
	}
	return err
}

// next takes a frame that has been read already; ErrShort if there is none.
func (r *reader) next() (wire.Frame, error) {
	f, rest, err := wire.Next(r.buf[r.from:r.to])
	if err == nil {
		r.from = r.to - len(rest)
	}
	return f, err
}

// hello waits for the other side's HELLO.
func (r *reader) hello() (h wire.Hello, err error) {
	for {
		f, err := r.next()
		if errors.Is(err, wire.ErrShort) {
			if err := r.fill(); err != nil {
				return h, err
			}
			continue
		}
		switch {
		case err != nil:
			return h, &deniedError{err.Error()}
		case f.Type == wire.TypeBye:
			return h, parted(&f)
		case f.Type != wire.TypeHello:
			return h, &deniedError{wire.ErrMagic.Error()}
		}
		if err := h.Parse(&f); err != nil {
			return h, &deniedError{err.Error()}
		}
		return h, nil
	}
}

// byeError is the end that the other side has announced.
type byeError struct{ reason wire.Reason }

func (e *byeError) Error() string { return "the peer ended the connection: " + e.reason.String() }

func parted(f *wire.Frame) error {
	var y wire.Bye
	if err := y.Parse(f); err != nil {
		return &deniedError{err.Error()}
	}
	if y.Reason == wire.ByeVersion || y.Reason == wire.ByeUnknown {
		return &deniedError{(&byeError{y.Reason}).Error()}
	}
	return &byeError{y.Reason}
}

// ending is why with the other side's last word.
func ending(err error) transport.Why {
	var bye *byeError
	if errors.As(err, &bye) {
		if bye.reason == wire.ByeStop {
			return transport.Stopping
		}
		return transport.Goodbye
	}
	return why(err)
}

// read hears the other side until the end.
func (c *conn) read(r *reader) (transport.Why, error) {
	r.grow()
	limit := newBucket(framesPerSec, framesPerSec)
	for {
		n, err := c.take(r)
		if err != nil {
			return ending(err), err
		}
		if !limit.take(time.Now(), float64(n)) {
			time.Sleep(100 * time.Millisecond) // TCP makes the peer wait
		}
		if err := r.fill(); err != nil {
			return ending(err), err
		}
	}
}

// take deals with all frames that have been read.
func (c *conn) take(r *reader) (n int, err error) {
	p := c.pair
	now := poll.Mono()
	in := inward{now: now, out: p.c.local.begin()}
	p.mu.Lock()
	in.mute = p.closed // it still may say goodbye
	for ; ; n++ {
		f, ferr := r.next()
		if errors.Is(ferr, wire.ErrShort) {
			break
		}
		if err = ferr; err == nil {
			err = c.frame(&in, &f)
		}
		if err != nil {
			break
		}
	}
	if n > 0 && !in.mute {
		if in.claims > 0 {
			p.step(transport.Heard{ID: c.id}, transport.Spoke{Claims: in.claims})
		} else {
			p.step(transport.Heard{ID: c.id})
		}
	}
	p.mu.Unlock()
	in.out.flush()
	if err != nil && !errors.As(err, new(*byeError)) && !errors.As(err, new(*deniedError)) {
		err = &deniedError{err.Error()}
	}
	return n, err
}

// inward is what one look at a socket has brought.
type inward struct {
	now    clock.Instant
	mute   bool
	claims time.Duration // longest interval of the adverts that count; 0 for none
	out    *outward
}

// frame deals with one.
func (c *conn) frame(in *inward, f *wire.Frame) error {
	switch f.Type {
	case wire.TypePing:
		var ping wire.Ping
		if err := ping.Parse(f); err != nil {
			return err
		}
		if len(c.pongs) < maxPongs {
			c.pongs = append(c.pongs, ping.Token)
			c.signal()
		}
		return nil
	case wire.TypeBye:
		return parted(f)
	}
	return c.pair.frame(in, f, c)
}

// frame deals with what does not concern a connection. The mutex is held.
func (p *pair) frame(in *inward, f *wire.Frame, c *conn) error {
	switch f.Type {
	case wire.TypeHello:
		return nil // again
	case wire.TypeAdvert:
		var a wire.Advert
		if err := a.Parse(f); err != nil {
			return err
		}
		p.advert(in, &a, c)
	case wire.TypeReport:
		var r wire.Report
		if err := r.Parse(f); err != nil {
			return err
		}
		p.report(in, &r, c)
	case wire.TypeHand:
		var h wire.Hand
		if err := h.Parse(f); err != nil {
			return err
		}
		p.handed(in, &h, c)
	case wire.TypePong:
		var pong wire.Pong
		if err := pong.Parse(f); err != nil {
			return err
		}
		if asked := clock.Instant(pong.Token); asked > 0 && asked <= in.now && p.seen.Known() {
			p.seen.Answered(in.now, asked, p.seen.Epoch(), pong.Clock)
			if c != nil {
				p.step(transport.Answered{ID: c.id, Asked: asked})
			}
		}
	default:
		if _, skip := f.Known(); !skip {
			return &deniedError{"a frame that this release does not know"}
		}
	}
	return nil
}

// advert hands an advert to the engine, if it counts.
func (p *pair) advert(in *inward, a *wire.Advert, c *conn) {
	claim, ok := wire.ReadClaim(a.Packet)
	if !ok {
		p.count.Refused++
		return
	}
	age, verdict := p.seen.Judge(in.now, a.Epoch, a.Sent, transport.RouterID{IPv6: a.IPv6, VRID: claim.VRID, ID: a.ID}, life(&claim))
	switch verdict {
	case transport.Stale:
		p.count.Stale++
		p.ask(in.now)
	case transport.Fresh:
		if in.mute {
			return
		}
		p.count.Received++
		in.claims = max(in.claims, claim.Interval)
		in.out.add(&local.Msg{
			Type: local.Received, Kind: p.peer.Kind, IPv6: a.IPv6, Src: p.peer.Addr, Dst: p.mine(c), Origin: a.Origin, ID: a.ID, Age: age,
			Payload: a.Packet,
		})
	}
}

// life is how old an advert may be. Two intervals, because TCP needs a round trip and more to repair a loss, and an advert that is not so
// old can hold no election for longer than the down time. A goodbye has one: by then somebody else may be master.
func life(c *wire.Claim) time.Duration {
	if c.Priority == 0 {
		return c.Interval
	}
	return 2 * c.Interval
}

// ask has the peer's clock looked at: it may have stood still.
func (p *pair) ask(now clock.Instant) {
	if now.Sub(p.doubt) < 10*time.Millisecond {
		return
	}
	p.doubt = now
	for _, c := range p.conns {
		c.ping = true
		c.signal()
	}
}

// report hands on what the peer's router thinks.
func (p *pair) report(in *inward, r *wire.Report, c *conn) {
	_, verdict := p.seen.JudgeReport(in.now, r.Epoch, r.Sent, transport.RouterID{IPv6: r.IPv6, VRID: r.VRID, ID: r.ID})
	if verdict != transport.Fresh || in.mute {
		return
	}
	in.out.add(&local.Msg{
		Type: local.Told, Kind: p.peer.Kind, IPv6: r.IPv6, Src: p.peer.Addr, Dst: p.mine(c), Origin: r.Origin,
		VRID: r.VRID, ID: r.ID, State: r.State, Priority: r.Priority, Hears: r.Hears,
	})
}

// handed hands on the peer's word in a hand-over.
func (p *pair) handed(in *inward, h *wire.Hand, c *conn) {
	_, verdict := p.seen.JudgeHand(in.now, h.Epoch, h.Sent, transport.RouterID{IPv6: h.IPv6, VRID: h.VRID, ID: h.ID})
	if verdict != transport.Fresh || in.mute {
		return
	}
	in.out.add(&local.Msg{
		Type: local.Handed, Kind: p.peer.Kind, IPv6: h.IPv6, Src: p.peer.Addr, Dst: p.mine(c), Origin: h.Origin, VRID: h.VRID, ID: h.ID, State: h.Step,
	})
}
