package node

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"holdfast.dev/link"
	"holdfast.dev/vrrp"
)

// challenges hears who else says that virtual addresses are his. It is no part of the election thread, and what it hears may be late: it
// is for people to look at, and decides nothing.
type challenges struct {
	say     func(text string)
	post    func(*vrrp.Challenged)
	addrs   [2][]netip.Addr // what is listened for: IPv4, IPv6
	watches [2]*link.ClaimWatch
	done    sync.WaitGroup
}

const (
	challengePause = 100 * time.Millisecond // after each fetch: the kernel drops what of a flood comes meanwhile
	challengeGap   = time.Second            // between two that say the same
	maxChallenges  = 1024                   // that are remembered for that
)

// Watch listens for the virtual addresses of a configuration from now on. What is the same as before is not touched.
func (c *challenges) Watch(cfg *vrrp.Config) {
	for i, addrs := range virtualAddrs(cfg) {
		if slices.Equal(addrs, c.addrs[i]) {
			continue
		}
		c.shut(i)
		if len(addrs) == 0 {
			continue
		}
		w, err := link.WatchClaims([2]int{4, 6}[i], addrs)
		if err != nil {
			c.say("other stations with our addresses are not noticed: " + err.Error())
			continue
		}
		c.addrs[i], c.watches[i] = addrs, w
		c.done.Go(func() { c.hear(w) })
	}
}

// Close ends all listening and waits for it.
func (c *challenges) Close() {
	for i := range c.watches {
		c.shut(i)
	}
	c.done.Wait()
}

func (c *challenges) shut(i int) {
	if w := c.watches[i]; w != nil {
		_ = w.Close() // it ends its reader
	}
	c.addrs[i], c.watches[i] = nil, nil
}

// virtualAddrs lists the virtual addresses of each family, in order.
func virtualAddrs(cfg *vrrp.Config) (out [2][]netip.Addr) {
	for i := range cfg.Routers {
		for j := range cfg.Routers[i].Addresses {
			a := cfg.Routers[i].Addresses[j].Prefix.Addr()
			if a.Is4() {
				out[0] = append(out[0], a)
			} else {
				out[1] = append(out[1], a)
			}
		}
	}
	for i := range out {
		slices.SortFunc(out[i], netip.Addr.Compare)
		out[i] = slices.Compact(out[i])
	}
	return out
}

// hear tells of claims until the watch is closed.
func (c *challenges) hear(w *link.ClaimWatch) {
	last := map[link.Claim]time.Time{}
	for {
		claims, err := w.Recv()
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				c.say("other stations with our addresses are not noticed any more: " + err.Error())
			}
			return
		}
		now := time.Now()
		ev := &vrrp.Challenged{}
		for _, cl := range claims {
			if at, ok := last[cl]; ok && now.Sub(at) < challengeGap {
				continue
			}
			if len(last) >= maxChallenges {
				clear(last)
			}
			last[cl] = now
			ev.Claims = append(ev.Claims, vrrp.Claim{Index: cl.Index, MAC: cl.MAC, Addr: cl.Addr})
		}
		if len(ev.Claims) > 0 {
			c.post(ev)
		}
		time.Sleep(challengePause)
	}
}
