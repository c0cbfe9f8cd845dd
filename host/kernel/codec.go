package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

const (
	headerLen = unix.SizeofNlMsghdr
	ifAddrLen = unix.SizeofIfAddrmsg
	ifInfoLen = unix.SizeofIfInfomsg
	confLen   = 4 // struct netconfmsg, one octet of it used

	vrfTable = 1 // IFLA_VRF_TABLE

	ifaProto = 11 // IFA_PROTO, which x/sys does not name

	netconfIndex      = 1 // NETCONFA_IFINDEX
	netconfForwarding = 2 // NETCONFA_FORWARDING

	extMaskSkipStats = 1 << 3 // RTEXT_FILTER_SKIP_STATS

	typeMask = 0x3fff // of an attribute's type, without NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

var native = binary.NativeEndian

// message is one netlink message as it was received.
type message struct {
	typ   uint16
	flags uint16
	seq   uint32
	pid   uint32 // of an event: who caused it, 0 for the kernel itself
	body  []byte
}

// next cuts the first message off b; ok is false at the end and where what is left makes no sense.
func next(b []byte) (m message, rest []byte, ok bool) {
	if len(b) < headerLen {
		return m, nil, false
	}
	n := native.Uint32(b)
	if n < headerLen || uint64(n) > uint64(len(b)) {
		return m, nil, false
	}
	m = message{typ: native.Uint16(b[4:]), flags: native.Uint16(b[6:]), seq: native.Uint32(b[8:]), pid: native.Uint32(b[12:]), body: b[headerLen:n]}
	return m, b[min(align(int(n)), len(b)):], true
}

func align(n int) int { return (n + 3) &^ 3 }

// begin appends a message header; end fills in its length.
func begin(b []byte, typ, flags uint16, seq uint32) (out []byte, at int) {
	at = len(b)
	b = append(b, make([]byte, headerLen)...)
	native.PutUint16(b[at+4:], typ)
	native.PutUint16(b[at+6:], flags)
	native.PutUint32(b[at+8:], seq)
	return b, at
}

func end(b []byte, at int) []byte {
	native.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

func appendAttr(b []byte, typ uint16, value []byte) []byte {
	b = native.AppendUint16(b, uint16(4+len(value)))
	b = native.AppendUint16(b, typ)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func appendAttr32(b []byte, typ uint16, value uint32) []byte {
	return appendAttr(b, typ, native.AppendUint32(nil, value))
}

// attrs walks over the attributes in b. What makes no sense ends it.
type attrs struct {
	b   []byte
	typ uint16
	val []byte
}

func (a *attrs) next() bool {
	if len(a.b) < 4 {
		return false
	}
	n := int(native.Uint16(a.b))
	if n < 4 || n > len(a.b) {
		return false
	}
	a.typ, a.val = native.Uint16(a.b[2:])&typeMask, a.b[4:n]
	a.b = a.b[min(align(n), len(a.b)):]
	return true
}

// appendOp appends the request that carries out op.
func appendOp(b []byte, op *host.Op, seq uint32) []byte {
	switch {
	case op.Route != nil:
		return appendRoute(b, op, seq)
	case op.Rule != nil:
		return appendRule(b, op, seq)
	}
	typ, flags := uint16(unix.RTM_NEWADDR), uint16(unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)
	switch {
	case op.Delete:
		typ, flags = unix.RTM_DELADDR, unix.NLM_F_REQUEST|unix.NLM_F_ACK
	case op.Replace:
		flags |= unix.NLM_F_REPLACE
	default:
		flags |= unix.NLM_F_EXCL
	}
	a := &op.Address
	b, at := begin(b, typ, flags, seq)
	family := byte(unix.AF_INET)
	if a.Prefix.Addr().Is6() {
		family = unix.AF_INET6
	}
	b = append(b, family, byte(a.Prefix.Bits()), byte(a.Flags), a.Scope)
	b = native.AppendUint32(b, uint32(op.Index))
	b = appendIP(b, unix.IFA_LOCAL, a.Prefix.Addr())
	remote := a.Prefix.Addr()
	if a.Peer.IsValid() {
		remote = a.Peer.Addr()
	}
	b = appendIP(b, unix.IFA_ADDRESS, remote)
	if !op.Delete {
		b = appendSettings(b, op)
	}
	return end(b, at)
}

func appendIP(b []byte, typ uint16, ip netip.Addr) []byte {
	if ip.Is4() {
		a := ip.As4()
		return appendAttr(b, typ, a[:])
	}
	a := ip.As16()
	return appendAttr(b, typ, a[:])
}

// appendSettings appends what only matters when an address is added.
func appendSettings(b []byte, op *host.Op) []byte {
	a := &op.Address
	preferred := a.Preferred
	if a.Prefix.Addr().Is4() {
		if a.Broadcast.Is4() {
			b = appendIP(b, unix.IFA_BROADCAST, a.Broadcast)
		}
		if a.Label != "" {
			b = appendAttr(b, unix.IFA_LABEL, append([]byte(a.Label), 0))
		}
		if op.Valid == host.Forever {
			preferred = host.Forever // for IPv4 it means nothing
		}
	}
	b = appendAttr32(b, unix.IFA_FLAGS, a.Flags)
	if preferred != host.Forever || op.Valid != host.Forever {
		var life [16]byte // struct ifa_cacheinfo
		native.PutUint32(life[0:], min(preferred, op.Valid))
		native.PutUint32(life[4:], op.Valid)
		b = appendAttr(b, unix.IFA_CACHEINFO, life[:])
	}
	if op.Metric != 0 {
		b = appendAttr32(b, unix.IFA_RT_PRIORITY, op.Metric)
	}
	if op.Proto != 0 {
		b = appendAttr(b, ifaProto, []byte{op.Proto})
	}
	return b
}
