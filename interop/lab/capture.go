package lab

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/socket"
	"golang.org/x/sys/unix"

	"holdfast.dev/link/frame"
	"holdfast.dev/vrrp/wire"
)

// Advert is an advertisement that entered the bridge.
type Advert struct {
	At       time.Time
	Node     *Node // whose port it came through, whatever addresses are in it
	Src, Dst netip.Addr
	Version  uint8
	VRID     uint8
	Priority uint8
	Interval time.Duration
	Sum      wire.Form
	VIPs     []netip.Addr
	AH       bool // behind an Authentication Header
	Signed   bool // with an HMAC trailer
	MAC      frame.MAC
}

// Claim is a packet by which a node says that it holds an address: any ARP packet with it as the sender, or a Neighbor
// Advertisement.
type Claim struct {
	At     time.Time
	Node   *Node
	Addr   netip.Addr
	MAC    frame.MAC
	Asked  bool // an answer to a question
	Router bool // of a Neighbor Advertisement
}

// Frame is a captured Ethernet frame.
type Frame struct {
	At    time.Time
	Node  *Node
	Bytes []byte
}

// capture is a socket on all ports of the bridge.
type capture struct {
	conn   *socket.Conn
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (l *Lab) startCapture() *capture {
	l.T.Helper()
	ports := map[int]*Node{}
	for _, n := range append([]*Node{l.Client}, l.Nodes...) {
		index, err := l.fabric.Index(n.port)
		l.ok(err)
		ports[index] = n
	}
	var conn *socket.Conn
	l.ok(l.fabric.Do(func() (err error) {
		conn, err = socket.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(big(unix.ETH_P_ALL)), "packet", nil)
		return err
	}))
	l.ok(conn.SetsockoptInt(unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1))
	l.ok(conn.SetsockoptInt(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	_ = conn.SetsockoptInt(unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20) // better so; a user namespace refuses it
	ctx, cancel := context.WithCancel(context.Background())
	c := &capture{conn: conn, cancel: cancel}
	c.done.Go(func() { c.run(ctx, l.rec, ports) })
	return c
}

func (c *capture) stop() {
	c.cancel()
	_ = c.conn.Close()
	c.done.Wait()
}

func (c *capture) run(ctx context.Context, rec *record, ports map[int]*Node) {
	buf, oob := make([]byte, 9000), make([]byte, 256)
	for {
		n, oobn, _, from, err := c.conn.Recvmsg(ctx, buf, oob, 0)
		if err != nil {
			return
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok || ports[ll.Ifindex] == nil || n < 14 {
			continue
		}
		rec.see(Frame{stamp(oob[:oobn]), ports[ll.Ifindex], append([]byte(nil), buf[:n]...)})
	}
}

// stamp is the time at which the kernel received a packet.
func stamp(oob []byte) time.Time {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Now()
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

func big(v uint16) uint16 { return v<<8 | v>>8 }

// see sorts a frame.
func (r *record) see(f Frame) {
	if f.isVirtual() {
		r.voice(f)
	}
	switch kind := binary.BigEndian.Uint16(f.Bytes[12:]); kind {
	case 0x0806:
		if a, reason := frame.ParseARP(f.Bytes); reason == frame.OK {
			r.keep(f)
			if a.Claims(a.Sender) {
				r.claim(Claim{f.At, f.Node, a.Sender, a.SenderMAC, a.Op == frame.ARPReply, false})
			}
		}
	case 0x0800:
		r.see4(f)
	case 0x86dd:
		r.see6(f)
	}
}

func (r *record) see4(f Frame) {
	if len(f.Bytes) < 34 || f.Bytes[23] != wire.ProtoVRRP && f.Bytes[23] != wire.ProtoAH {
		return
	}
	r.keep(f)
	proto := f.Bytes[23]
	h, payload, reason := wire.ParseIPv4(f.Bytes[14:], proto)
	if reason == wire.OK && proto == wire.ProtoAH {
		_, payload, reason = wire.ParseAH(payload)
	}
	if reason != wire.OK {
		r.wrong(f, reason.String())
		return
	}
	r.advert(f, payload, h.Src, h.Dst)
}

// A neighbour solicitation (RFC 4861 section 4.3).
const (
	protoICMPv6  = 58
	solicitation = 135
)

func (r *record) see6(f Frame) {
	if na, reason := frame.ParseNA(f.Bytes); reason == frame.OK {
		r.keep(f)
		mac := na.Source
		if na.HasMAC {
			mac = na.TargetMAC
		}
		r.claim(Claim{f.At, f.Node, na.Target, mac, na.Solicited, na.Router})
		return
	} else if reason != frame.OtherProtocol && reason != frame.OtherMessage {
		r.keep(f)
		r.wrong(f, "neighbor advertisement: "+reason.String())
		return
	}
	if len(f.Bytes) >= 78 && f.Bytes[20] == protoICMPv6 && f.Bytes[54] == solicitation {
		r.ask(f)
	}
	if len(f.Bytes) < 54 || f.Bytes[20] != wire.ProtoVRRP {
		return
	}
	r.keep(f)
	end := 54 + int(binary.BigEndian.Uint16(f.Bytes[18:]))
	if end > len(f.Bytes) {
		r.wrong(f, "shorter than the IPv6 header says")
		return
	}
	r.advert(f, f.Bytes[54:end], netip.AddrFrom16([16]byte(f.Bytes[22:])), netip.AddrFrom16([16]byte(f.Bytes[38:])))
}

func (r *record) advert(f Frame, payload []byte, src, dst netip.Addr) {
	a, reason := wire.Decode(payload, src, dst, wire.Options{Trailer: true})
	if reason != wire.OK {
		r.wrong(f, reason.String())
		return
	}
	if a.Sum == wire.FormBad {
		r.wrong(f, "wrong checksum")
	}
	out := Advert{f.At, f.Node, src, dst, a.Version, a.VRID, a.Priority, a.Interval, a.Sum, nil, false, a.Trailer() != nil, frame.MAC(f.Bytes[6:12])}
	out.AH = !src.Is6() && f.Bytes[23] == wire.ProtoAH
	for i := range a.Count() {
		out.VIPs = append(out.VIPs, a.At(i))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adverts = append(r.adverts, out)
}
