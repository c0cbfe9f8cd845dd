package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// ErrFamily is returned when addresses of the wrong family are given to an encoder.
var ErrFamily = errors.New("source or destination is not of the packet's address family")

// Template is an advert whose parameters were found to be sendable. It never changes and can be copied and shared.
// The zero Template is an empty message.
type Template struct {
	msg  []byte // with priority and checksum zero
	sum  uint64 // of msg
	form Form
	grp  netip.Addr
	ipv6 bool
}

// NewTemplate checks p and lays out the message. The error is a *ParamError; nothing is clamped.
func NewTemplate(p Params) (Template, error) {
	if err := p.check(); err != nil {
		return Template{}, err
	}
	n := messageLen(p.Version, p.IPv6, len(p.Addrs))
	msg := make([]byte, HeaderLen, n)
	msg[0] = p.Version<<4 | TypeAdvert
	msg[1] = p.VRID
	msg[3] = uint8(len(p.Addrs))
	if p.Version == V2 {
		msg[4] = p.AuthType
		msg[5] = uint8(p.Interval / time.Second)
	} else {
		binary.BigEndian.PutUint16(msg[4:], uint16(p.Interval/centisecond))
	}
	for _, a := range p.Addrs {
		msg = appendAddr(msg, a)
	}
	if p.Version == V2 && !p.IPv6 {
		msg = append(msg, p.Password[:]...)
	}
	group := p.Group
	if !group.IsValid() {
		group = group4
	}
	return Template{msg: msg, sum: sum(msg), form: p.Sum, grp: group, ipv6: p.IPv6}, nil
}

// Len returns the length of the message in octets.
func (t *Template) Len() int { return len(t.msg) }

// Append appends the message with the given priority to b, summed for its way from src to dst, and returns the longer
// slice. It allocates only if b is too small. src and dst matter to FormPseudo, and src to FormGroup; with the other
// forms they may be zero. The only error is ErrFamily, and b is returned as it was.
func (t *Template) Append(b []byte, priority uint8, src, dst netip.Addr) ([]byte, error) {
	s := t.sum + uint64(priority)<<8
	switch t.form {
	case FormGroup:
		dst = t.grp
		fallthrough
	case FormPseudo:
		p := path{src: src, dst: dst, ipv6: t.ipv6}
		if !p.sameFamily() {
			return b, ErrFamily
		}
		s += pseudo(src, dst, len(t.msg))
	}
	start := len(b)
	b = append(b, t.msg...)
	if len(t.msg) == 0 {
		return b, nil
	}
	msg := b[start:]
	msg[2] = priority
	if t.form != FormZero {
		binary.BigEndian.PutUint16(msg[6:], ^fold(s))
	}
	return b, nil
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}
