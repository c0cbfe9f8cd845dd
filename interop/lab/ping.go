package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Pinger asks an address for a sign of life, many times a second, from the client.
type Pinger struct {
	conn *net.IPConn
	dst  *net.IPAddr
	six  bool
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	replies []time.Time
}

// pingEvery is the resolution of an outage.
const pingEvery = 10 * time.Millisecond

// Ping begins to ping an address until the end of the test.
func (l *Lab) Ping(addr netip.Addr) *Pinger {
	l.T.Helper()
	network := "ip4:icmp"
	if addr.Is6() {
		network = "ip6:ipv6-icmp"
	}
	p := &Pinger{dst: &net.IPAddr{IP: addr.AsSlice()}, six: addr.Is6(), stop: make(chan struct{})}
	l.ok(l.Client.NS.Do(func() error {
		c, err := net.ListenIP(network, nil)
		p.conn = c
		return err
	}))
	p.done.Go(p.ask)
	p.done.Go(p.hear)
	l.T.Cleanup(func() {
		close(p.stop)
		_ = p.conn.Close()
		p.done.Wait()
	})
	return p
}

func (p *Pinger) ask() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for seq := uint16(1); ; seq++ {
		b := []byte{8, 0, 0, 0, 0x48, 0x46, byte(seq >> 8), byte(seq)}
		if p.six {
			b[0] = 128 // the kernel sums ICMPv6
		} else {
			s := uint32(0x0800) + 0x4846 + uint32(seq)
			binary.BigEndian.PutUint16(b[2:], ^uint16(s+s>>16))
		}
		_, _ = p.conn.WriteTo(b, p.dst) // nobody there: that is what is measured
		select {
		case <-tick.C:
		case <-p.stop:
			return
		}
	}
}

func (p *Pinger) hear() {
	buf := make([]byte, 512)
	for {
		n, from, err := p.conn.ReadFromIP(buf)
		if err != nil {
			return
		}
		reply := byte(0)
		if p.six {
			reply = 129
		}
		if n >= 8 && buf[0] == reply && from.IP.Equal(p.dst.IP) {
			p.mu.Lock()
			p.replies = append(p.replies, time.Now())
			p.mu.Unlock()
		}
	}
}

// Outage is the longest time between two replies since a time, or until now.
func (p *Pinger) Outage(since time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest time.Duration
	last := since
	for _, t := range append(p.replies[:len(p.replies):len(p.replies)], time.Now()) {
		if t.Before(since) {
			continue
		}
		longest = max(longest, t.Sub(last))
		last = t
	}
	return longest
}
