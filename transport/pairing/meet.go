package pairing

import (
	"errors"

	"holdfast.dev/transport"
	"holdfast.dev/transport/wire"
)

// Denied says that one side does not believe, know or understand the other.
type Denied string

func (e Denied) Error() string { return string(e) }

// Parted is the end that the other side has announced.
type Parted wire.Reason

func (e Parted) Error() string { return "the peer ended the connection: " + wire.Reason(e).String() }

// parted is the error that a BYE makes.
func parted(f *wire.Frame) error {
	var y wire.Bye
	if err := y.Parse(f); err != nil {
		return Denied(err.Error())
	}
	if y.Reason == wire.ByeVersion || y.Reason == wire.ByeUnknown {
		return Denied(Parted(y.Reason).Error())
	}
	return Parted(y.Reason)
}

// Why says in the session's words what an error of this package means for a connection; false for others.
func Why(err error) (w transport.Why, ok bool) {
	var bye Parted
	switch {
	case errors.As(err, new(Denied)):
		return transport.Denied, true
	case !errors.As(err, &bye):
		return w, false
	case wire.Reason(bye) == wire.ByeStop:
		return transport.Stopping, true
	}
	return transport.Goodbye, true
}

// Introduced takes the other side's HELLO off what has come, which must be the first of it. With wire.ErrShort more is needed; any other error is one
// for Why.
func Introduced(b []byte) (h wire.Hello, rest []byte, err error) {
	f, rest, err := wire.Next(b)
	switch {
	case errors.Is(err, wire.ErrShort):
		return h, b, err
	case err != nil:
		return h, nil, Denied(err.Error())
	case f.Type == wire.TypeBye:
		return h, nil, parted(&f)
	case f.Type != wire.TypeHello:
		return h, nil, Denied(wire.ErrMagic.Error())
	}
	if err := h.Parse(&f); err != nil {
		return h, nil, Denied(err.Error())
	}
	return h, rest, nil
}

// Meet says why we have nothing to say to somebody; nil if we do. last is what is to be written before the end, if anything.
func Meet(ours, theirs *wire.Hello) (last []byte, err error) {
	switch {
	case !ours.Speaks(theirs):
		return (&wire.Bye{Reason: wire.ByeVersion}).Append(nil), Denied("it (" + theirs.Release + ") speaks no version of the protocol that this release does")
	case theirs.Node == ours.Node:
		return nil, Denied("the address is this daemon's own")
	}
	return nil, nil
}
