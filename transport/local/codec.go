package local

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"time"

	"holdfast.dev/transport"
)

// ErrGarbage says that what follows can't be read.
var ErrGarbage = errors.New("not a message of the carrier's socket")

// Layout of a message: length of what follows in 2 octets, type, kind, flags, VRID, state, priority, then the three addresses (16 octets each,
// IPv4 mapped, all zero for none), the ID in 2 octets, and what the type has besides.
const (
	headLen = 2 + 6 + 3*16 + 2
	linkLen = 4 + 8 + 7*8

	flagIPv6  = 1
	flagHears = 2
	flagUp    = 4
	flagAll   = flagIPv6 | flagHears | flagUp
)

// Append adds a message to a datagram. A payload or text that is too long is cut: whoever sends adverts keeps to
// MaxPayload.
func Append(b []byte, m *Msg) []byte {
	start := len(b)
	b = append(b, 0, 0, byte(m.Type), byte(m.Kind), m.flags(), m.VRID, m.State, m.Priority)
	for _, a := range [...]netip.Addr{m.Src, m.Dst, m.Origin} {
		b = appendAddr(b, a)
	}
	b = binary.BigEndian.AppendUint16(b, m.ID)
	switch m.Type {
	case Send:
		b = binary.BigEndian.AppendUint64(b, uint64(m.Since))
		b = append(b, m.Payload[:min(len(m.Payload), MaxPayload)]...)
	case Report, Hand:
		b = binary.BigEndian.AppendUint64(b, uint64(m.Since))
	case Received:
		b = binary.BigEndian.AppendUint32(b, micros(m.Age))
		b = append(b, m.Payload[:min(len(m.Payload), MaxPayload)]...)
	case Link:
		b = binary.BigEndian.AppendUint32(b, micros(m.RTT))
		b = binary.BigEndian.AppendUint64(b, uint64(m.Since))
		for _, n := range m.Count.list() {
			b = binary.BigEndian.AppendUint64(b, *n)
		}
		b = append(b, m.Text[:min(len(m.Text), MaxText)]...)
	case Overrun:
		b = binary.BigEndian.AppendUint64(b, m.Count.Overrun)
	}
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start-2))
	return b
}

// Next takes the first message off a datagram. Payload is part of b. After an error nothing of what is left can be read.
func Next(b []byte) (m Msg, rest []byte, err error) {
	if len(b) < headLen {
		return m, nil, ErrGarbage
	}
	n := int(binary.BigEndian.Uint16(b)) + 2
	if n < headLen || n > len(b) {
		return m, nil, ErrGarbage
	}
	body, rest := b[headLen:n], b[n:]
	m = Msg{
		Type: Type(b[2]), Kind: transport.Kind(b[3]), VRID: b[5], State: b[6], Priority: b[7],
		IPv6: b[4]&flagIPv6 != 0, Hears: b[4]&flagHears != 0, Up: b[4]&flagUp != 0,
		Src: readAddr(b[8:]), Dst: readAddr(b[24:]), Origin: readAddr(b[40:]), ID: binary.BigEndian.Uint16(b[56:]),
	}
	if b[4]&^byte(flagAll) != 0 || !m.Kind.Carried() || m.Type < Send || m.Type >= types || !m.read(body) {
		return Msg{}, nil, ErrGarbage
	}
	return m, rest, nil
}

// read takes what the type has besides.
func (m *Msg) read(b []byte) bool {
	switch m.Type {
	case Send:
		if len(b) < 8 || len(b)-8 > MaxPayload {
			return false
		}
		m.Since, m.Payload = int64(binary.BigEndian.Uint64(b)), b[8:]
		return true
	case Report, Hand:
		if len(b) != 8 {
			return false
		}
		m.Since = int64(binary.BigEndian.Uint64(b))
		return true
	case Received:
		if len(b) < 4 || len(b)-4 > MaxPayload {
			return false
		}
		m.Age, m.Payload = time.Duration(binary.BigEndian.Uint32(b))*time.Microsecond, b[4:]
		return true
	case Link:
		if len(b) < linkLen || len(b)-linkLen > MaxText {
			return false
		}
		m.RTT, m.Since = time.Duration(binary.BigEndian.Uint32(b))*time.Microsecond, int64(binary.BigEndian.Uint64(b[4:]))
		for i, n := range m.Count.list() {
			*n = binary.BigEndian.Uint64(b[12+8*i:])
		}
		m.Text = string(b[linkLen:])
		return true
	case Overrun:
		if len(b) != 8 {
			return false
		}
		m.Count.Overrun = binary.BigEndian.Uint64(b)
		return true
	}
	return len(b) == 0
}

func (c *Counts) list() [7]*uint64 {
	return [...]*uint64{&c.Sent, &c.Received, &c.Stale, &c.Replaced, &c.Refused, &c.Connects, &c.Overrun}
}

func (m *Msg) flags() (f byte) {
	if m.IPv6 {
		f |= flagIPv6
	}
	if m.Hears {
		f |= flagHears
	}
	if m.Up {
		f |= flagUp
	}
	return f
}

func micros(d time.Duration) uint32 {
	return uint32(min(max(d/time.Microsecond, 0), math.MaxUint32))
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, make([]byte, 16)...)
	}
	x := a.As16()
	return append(b, x[:]...)
}

// readAddr reads an address; all zero is none, which is also what the unspecified IPv6 address becomes.
func readAddr(b []byte) netip.Addr {
	x := [16]byte(b[:16])
	if x == ([16]byte{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(x).Unmap()
}
