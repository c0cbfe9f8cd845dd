package wire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	headLen  = 4              // length of what follows it, type, flags
	stampLen = 4 + 8 + 16 + 2 // epoch, sent, origin, id
)

// Frame is one frame as it came in. Body is part of what was read.
type Frame struct {
	Type  Type
	Flags uint8
	Body  []byte
}

// Next takes the first frame off b. With ErrShort more is needed; any other error makes all that follows worthless.
func Next(b []byte) (f Frame, rest []byte, err error) {
	if len(b) < 2 {
		return f, b, ErrShort
	}
	n := int(binary.BigEndian.Uint16(b)) + 2
	switch {
	case n > MaxFrame:
		return f, nil, ErrLong
	case n < headLen:
		return f, nil, ErrGarbage
	case len(b) < n:
		return f, b, ErrShort
	}
	return Frame{Type(b[2]), b[3], b[headLen:n]}, b[n:], nil
}

// Known reports whether the type is one of version 1, and skip whether the frame may be left out where it is not.
func (f *Frame) Known() (known, skip bool) {
	return f.Type >= TypeHello && f.Type <= TypeHand, f.Flags&FlagSkip != 0
}

// begin starts a frame; end fills in its length.
func begin(b []byte, t Type, flags uint8) ([]byte, int) {
	return append(b, 0, 0, byte(t), flags), len(b)
}

func end(b []byte, start int) []byte {
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start-2))
	return b
}

// Stamp is when and by whom an ADVERT or a REPORT was sent.
type Stamp struct {
	// Epoch is the beginning of the sender's node id: Sent counts anew when it changes.
	Epoch uint32
	// Sent is the sender's CLOCK_MONOTONIC in microseconds. It rises with every advert of a router.
	Sent uint64
	// Origin is the sender's own source address, whatever it is translated to on the way; the zero Addr for unknown.
	Origin netip.Addr
	// ID tells routers of one VRID apart that are on different interfaces: transport_id, 0 where there is none.
	ID uint16
}

func (s *Stamp) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, s.Epoch)
	b = binary.BigEndian.AppendUint64(b, s.Sent)
	b = appendAddr(b, s.Origin)
	return binary.BigEndian.AppendUint16(b, s.ID)
}

func (s *Stamp) parse(b []byte) (rest []byte, err error) {
	if len(b) < stampLen {
		return nil, ErrGarbage
	}
	s.Epoch, s.Sent, s.Origin = binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:]), readAddr(b[12:])
	s.ID = binary.BigEndian.Uint16(b[28:])
	return b[stampLen:], nil
}

// Advert is a VRRP message under way: octet for octet what stands behind the IP header of other transports.
type Advert struct {
	Stamp
	IPv6   bool
	Packet []byte // 8 to MaxPacket octets; after Parse part of what was read
}

// Append adds the frame to b. The caller keeps to MaxPacket.
func (a *Advert) Append(b []byte) []byte {
	b, start := begin(b, TypeAdvert, family(a.IPv6))
	return end(append(a.Stamp.append(b), a.Packet...), start)
}

// Parse reads a frame of TypeAdvert.
func (a *Advert) Parse(f *Frame) (err error) {
	a.IPv6 = f.Flags&FlagIPv6 != 0
	a.Packet, err = a.Stamp.parse(f.Body)
	if err == nil && (len(a.Packet) < minPacket || len(a.Packet) > MaxPacket) {
		err = ErrGarbage
	}
	return err
}

// Report is what a router thinks, told to one peer.
type Report struct {
	Stamp
	IPv6, Hears           bool // Hears: adverts of that peer have come within the down time
	VRID, State, Priority uint8
}

// Append adds the frame to b.
func (r *Report) Append(b []byte) []byte {
	flags := family(r.IPv6)
	if r.Hears {
		flags |= FlagHears
	}
	b, start := begin(b, TypeReport, flags)
	return end(append(r.Stamp.append(b), r.VRID, r.State, r.Priority), start)
}

// Parse reads a frame of TypeReport. What a later version adds behind it is left out.
func (r *Report) Parse(f *Frame) error {
	r.IPv6, r.Hears = f.Flags&FlagIPv6 != 0, f.Flags&FlagHears != 0
	rest, err := r.Stamp.parse(f.Body)
	if err != nil || len(rest) < 3 || rest[0] == 0 {
		return ErrGarbage
	}
	r.VRID, r.State, r.Priority = rest[0], rest[1], rest[2]
	return nil
}

// Hand is a word in a hand-over from one router to another: see vrrp.Hand for what Step means.
type Hand struct {
	Stamp
	IPv6       bool
	VRID, Step uint8
}

// Append adds the frame to b.
func (h *Hand) Append(b []byte) []byte {
	b, start := begin(b, TypeHand, family(h.IPv6)|FlagSkip)
	return end(append(h.Stamp.append(b), h.VRID, h.Step), start)
}

// Parse reads a frame of TypeHand. What a later version adds behind it is left out.
func (h *Hand) Parse(f *Frame) error {
	h.IPv6 = f.Flags&FlagIPv6 != 0
	rest, err := h.Stamp.parse(f.Body)
	if err != nil || len(rest) < 2 || rest[0] == 0 {
		return ErrGarbage
	}
	h.VRID, h.Step = rest[0], rest[1]
	return nil
}

// Ping asks for a PONG with the same Token. It is also what is sent to make the other side acknowledge what came before.
type Ping struct{ Token uint64 }

// Append adds the frame to b.
func (p *Ping) Append(b []byte) []byte {
	b, start := begin(b, TypePing, 0)
	return end(binary.BigEndian.AppendUint64(b, p.Token), start)
}

// Parse reads a frame of TypePing.
func (p *Ping) Parse(f *Frame) error {
	if len(f.Body) < 8 {
		return ErrGarbage
	}
	p.Token = binary.BigEndian.Uint64(f.Body)
	return nil
}

// Pong answers a PING: all that came before it on this connection has been read.
type Pong struct {
	Token uint64
	Clock uint64 // of who answers, as Stamp.Sent
}

// Append adds the frame to b.
func (p *Pong) Append(b []byte) []byte {
	b, start := begin(b, TypePong, 0)
	b = binary.BigEndian.AppendUint64(b, p.Token)
	return end(binary.BigEndian.AppendUint64(b, p.Clock), start)
}

// Parse reads a frame of TypePong.
func (p *Pong) Parse(f *Frame) error {
	if len(f.Body) < 16 {
		return ErrGarbage
	}
	p.Token, p.Clock = binary.BigEndian.Uint64(f.Body), binary.BigEndian.Uint64(f.Body[8:])
	return nil
}

// Micros is an instant as it stands in frames; at least 1.
func Micros(ns int64) uint64 { return uint64(max(ns/int64(time.Microsecond), 1)) }

func family(ipv6 bool) uint8 {
	if ipv6 {
		return FlagIPv6
	}
	return 0
}

// appendAddr writes an address in 16 octets, IPv4 mapped, none as zeros.
func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, make([]byte, 16)...)
	}
	x := a.As16()
	return append(b, x[:]...)
}

func readAddr(b []byte) netip.Addr {
	x := [16]byte(b[:16])
	if x == ([16]byte{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(x).Unmap()
}
