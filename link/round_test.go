package link

import (
	"net/netip"
	"testing"
	"time"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/link/poll"
	"holdfast.dev/vrrp/wire"
)

// TestRounds is the election thread's receiving at the size that it is built for: 250 virtual routers on each of 16 interfaces, all of
// which are heard at once. Nothing is lost, and every packet comes from the port that it belongs to.
func TestRounds(t *testing.T) {
	lab := &pair{newHost(t), newHost(t)}
	const links, routers, perRound = 16, 250, 256
	p, err := poll.New()
	nstest.OK(t, err)
	defer p.Close()
	group := netip.MustParseAddr("224.0.0.18")
	var in, out [links]*Port
	for i := range links {
		name := string(rune('a' + i))
		lab.wire(name+"0", name+"1")
		lab.a.must(lab.a.AddAddr(name+"0", "192.0.2.1/24"))
		s := Spec{Link: name + "1", Family: 4, Groups: []netip.Addr{group}, RcvBuf: RcvBufFor(routers)}
		in[i] = lab.b.open(s)
		s.Link = name + "0"
		out[i] = lab.a.open(s)
		nstest.OK(t, p.Add(in[i].FD(), poll.Token(i)))
	}
	for vrid := range routers {
		for i := range links {
			send(t, out[i], ip("192.0.2.1"), group, 255, append(advert(uint8(vrid)), uint8(i)))
		}
	}
	nstest.OK(t, p.SetDeadline(poll.Mono().Add(20*time.Second)))
	var heard [links][256]int
	total, rounds := 0, 0
	batch := NewBatch(64)
	for ; total < links*routers; rounds++ {
		r, err := p.Wait()
		nstest.OK(t, err)
		if r.Timer {
			t.Fatalf("%d of %d packets came", total, links*routers)
		}
		for _, token := range r.Tokens {
			total += drain(t, in[token], batch, perRound, func(d Datagram) {
				if d.Drop != wire.OK || d.Payload[12] != uint8(token) {
					t.Fatalf("port %d: %+v", token, d)
				}
				heard[token][d.Payload[1]]++
			})
			if n := in[token].Dropped(); n != 0 {
				t.Errorf("port %d lost %d", token, n)
			}
		}
	}
	t.Logf("%d packets in %d rounds", total, rounds)
	for i := range links {
		for vrid := range routers {
			if heard[i][vrid] != 1 {
				t.Errorf("port %d heard VRID %d %d times", i, vrid, heard[i][vrid])
			}
		}
		nstest.OK(t, p.Remove(in[i].FD()))
	}
}

// drain receives until nothing waits or limit packets came.
func drain(t *testing.T, p *Port, b *Batch, limit int, each func(Datagram)) (total int) {
	for total < limit {
		n, err := p.Recv(b)
		nstest.OK(t, err)
		for i := range n {
			each(b.At(i))
		}
		if total += n; n < b.Cap() {
			break
		}
	}
	return total
}
