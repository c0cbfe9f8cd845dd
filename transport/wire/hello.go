package wire

import (
	"encoding/binary"
	"strings"

	"holdfast.dev/transport"
)

// magic begins a HELLO, so that somebody else's protocol is known for what it is.
var magic = [4]byte{'H', 'F', 'V', 'T'}

const helloLen = 4 + 1 + 1 + 4 + 16 + 8 + 1

// Capability is something that a side can do; unknown ones mean nothing.
type Capability uint32

// The capabilities of version 1.
const (
	CanReport   Capability = 1 << 0 // sends and understands REPORT
	CanFastFail Capability = 1 << 1 // its port is refused only when its whole daemon is dead
	CanHand     Capability = 1 << 2 // understands HAND
)

// Hello introduces a side. It must come first on a connection, and is answered by nothing: both send it at once.
type Hello struct {
	Min, Max uint8 // versions that the sender speaks
	Can      Capability
	Node     transport.NodeID
	Clock    uint64 // as Stamp.Sent
	Release  string // at most MaxText octets, printable
}

// Append adds the frame to b. A release that is too long is cut.
func (h *Hello) Append(b []byte) []byte {
	b, start := begin(b, TypeHello, 0)
	b = append(b, magic[:]...)
	b = append(b, h.Min, h.Max)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Can))
	b = append(b, h.Node[:]...)
	b = binary.BigEndian.AppendUint64(b, h.Clock)
	release := h.Release[:min(len(h.Release), MaxText)]
	b = append(b, byte(len(release)))
	return end(append(b, release...), start)
}

// Parse reads a frame of TypeHello. What a later version adds behind it is left out. ErrMagic is somebody else's protocol.
func (h *Hello) Parse(f *Frame) error {
	b := f.Body
	if len(b) < len(magic) || [4]byte(b) != magic {
		return ErrMagic
	}
	if len(b) < helloLen || int(b[helloLen-1]) > MaxText || len(b) < helloLen+int(b[helloLen-1]) {
		return ErrGarbage
	}
	h.Min, h.Max, h.Can = b[4], b[5], Capability(binary.BigEndian.Uint32(b[6:]))
	h.Node, h.Clock = transport.NodeID(b[10:26]), binary.BigEndian.Uint64(b[26:])
	if h.Min > h.Max {
		return ErrGarbage
	}
	h.Release = printable(b[helloLen : helloLen+int(b[helloLen-1])])
	return nil
}

// Speaks reports whether there is a version that both senders speak.
func (h *Hello) Speaks(o *Hello) bool { return h.Min <= o.Max && o.Min <= h.Max }

// Epoch is what stands in the stamps of the node.
func Epoch(n transport.NodeID) uint32 { return binary.BigEndian.Uint32(n[:]) }

// printable keeps a stranger's text from writing into our log what it likes.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b))
}

// Reason says why a connection is ended on purpose.
type Reason uint8

// The reasons of version 1.
const (
	ByeStop    Reason = 1 // the daemon stops
	ByeSurplus Reason = 2 // there is another connection
	ByeChanged Reason = 3 // the configuration has changed
	ByeVersion Reason = 4 // no version that both speak
	ByeUnknown Reason = 5 // not a peer
)

func (r Reason) String() string {
	switch r {
	case ByeStop:
		return "it stops"
	case ByeSurplus:
		return "there is another connection"
	case ByeChanged:
		return "its configuration has changed"
	case ByeVersion:
		return "it speaks no version of the protocol that we do"
	case ByeUnknown:
		return "it takes us for nobody that it has as a peer, its log says why"
	}
	return "for a reason that this release does not know"
}

// Bye says that the connection ends on purpose, so that its end is no death.
type Bye struct{ Reason Reason }

// Append adds the frame to b.
func (y *Bye) Append(b []byte) []byte {
	b, start := begin(b, TypeBye, 0)
	return end(append(b, byte(y.Reason)), start)
}

// Parse reads a frame of TypeBye.
func (y *Bye) Parse(f *Frame) error {
	if len(f.Body) < 1 {
		return ErrGarbage
	}
	y.Reason = Reason(f.Body[0])
	return nil
}
