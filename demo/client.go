package demo

import (
	"errors"
	"net"
	"sync"
	"time"
)

// answerer is the service that the routers offer at the virtual address: it answers every question with the router's name.
type answerer struct{ conn net.PacketConn }

func serve(h *host) (*answerer, error) {
	var conn net.PacketConn
	err := h.ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: service})
		return err
	})
	if err != nil {
		return nil, err
	}
	a := &answerer{conn: conn}
	go a.run(h.name)
	return a, nil
}

func (a *answerer) run(name string) {
	buf := make([]byte, 64)
	for {
		n, from, err := a.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = a.conn.WriteTo(append(buf[:n:n], name...), from) // like any datagram it may be lost
		}
	}
}

func (a *answerer) close() { a.conn.Close() }

// askEvery is how often the client asks.
const askEvery = 5 * time.Millisecond

// client asks the virtual address all the time and remembers who answered when.
type client struct {
	conn *net.UDPConn
	seen func(who string) // called when another router answers than before, and first

	mu    sync.Mutex
	who   string
	last  time.Time     // of the last answer
	worst time.Duration // the longest time without an answer since Reset
	begin time.Time     // of that time
	lazy  time.Duration // for how long, in all, this machine kept the client from asking since Reset
	stop  chan struct{}
	wg    sync.WaitGroup
}

func newClient(w *world, seen func(string)) (*client, error) {
	c := &client{seen: seen, stop: make(chan struct{})}
	err := w.client.Do(func() (err error) {
		c.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(clientAddr)})
		return err
	})
	if err != nil {
		return nil, err
	}
	c.wg.Go(c.ask)
	c.wg.Go(c.listen)
	return c, nil
}

func (c *client) ask() {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	to := &net.UDPAddr{IP: net.ParseIP(vip), Port: service}
	for asked := time.Now(); ; {
		select {
		case <-tick.C:
			now := time.Now()
			c.late(now.Sub(asked) - askEvery)
			asked = now
			_, _ = c.conn.WriteTo([]byte("?"), to) // "no route to host" is an answer too: none
		case <-c.stop:
			return
		}
	}
}

func (c *client) listen() {
	buf := make([]byte, 64)
	for {
		n, _, err := c.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 2 {
			continue
		}
		c.answered(string(buf[1:n]), time.Now())
	}
}

func (c *client) answered(who string, now time.Time) {
	c.mu.Lock()
	if !c.last.IsZero() {
		if gap := now.Sub(c.last); gap > c.worst {
			c.worst, c.begin = gap, c.last
		}
	}
	changed := who != c.who
	c.last, c.who = now, who
	c.mu.Unlock()
	if changed {
		c.seen(who)
	}
}

// late notes by how much a question came too late, if that says something about the machine.
func (c *client) late(by time.Duration) {
	if by < askEvery {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lazy += by
}

// reset begins a new measurement.
func (c *client) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worst, c.lazy = 0, 0
}

// starved is for how long the machine had no time for the client since reset, and so hardly any for the routers.
func (c *client) starved() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lazy
}

// outage is the longest time without an answer since reset.
func (c *client) outage() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.worst
}

// served is who answered last, and when.
func (c *client) served() (string, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.who, c.last
}

func (c *client) close() {
	close(c.stop)
	c.conn.Close()
	c.wg.Wait()
}
