package auxrole

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/role"
)

// names looks up the DNS names of peers (unicast_peer). What is found is the supervisor's to act on: nobody waits for a name. While none can be
// looked up, what was found last stays.
type names struct {
	host   *Host
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	end    context.CancelFunc // of the goroutine that looks; nil for none
	done   chan struct{}
	looked []string // names that it looks up
	every  time.Duration
}

const (
	lookupWithin  = 5 * time.Second
	lookupsAtOnce = 8
)

// Names is the service that looks up the names of peers.
func Names(h *Host) Service {
	return &names{host: h, lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}}
}

// Prepare has nothing that could fail.
func (n *names) Prepare(*Generation) error { return nil }

// Abort has nothing to forget.
func (n *names) Abort() {}

// Commit looks up what the configuration names. The same names as before are not begun anew: that would ask once more for each answer.
func (n *names) Commit(g *Generation) {
	list, every := g.Config.Names(), g.Config.Global.ResolveEvery()
	if slices.Equal(list, n.looked) && every == n.every {
		return
	}
	n.Close()
	n.looked, n.every = list, every
	if len(list) == 0 {
		return
	}
	ctx, end := context.WithCancel(context.Background())
	n.end, n.done = end, make(chan struct{})
	go func() {
		defer close(n.done)
		n.run(ctx, list, every)
	}()
}

// Close ends the looking.
func (n *names) Close() {
	if n.end != nil {
		n.end()
		select {
		case <-n.done:
		case <-time.After(time.Second): // a resolver of the system that does not let go of its thread
		}
		n.end = nil
	}
}

// run looks up all names again and again, and tells what has changed.
func (n *names) run(ctx context.Context, list []string, every time.Duration) {
	told, failed := map[string][]netip.Addr{}, map[string]string{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		found, errs := n.round(ctx, list)
		if ctx.Err() != nil {
			return
		}
		n.complain(list, failed, errs)
		changed := false
		for name, addrs := range found {
			if !slices.Equal(told[name], addrs) {
				told[name], changed = addrs, true
			}
		}
		if changed {
			_ = n.host.ctl.Send(role.Msg{Resolved: &role.Resolved{Addrs: maps.Clone(told)}})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round looks up every name once.
func (n *names) round(ctx context.Context, list []string) (found map[string][]netip.Addr, errs map[string]error) {
	found, errs = map[string][]netip.Addr{}, map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, lookupsAtOnce)
	for _, name := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			within, end := context.WithTimeout(ctx, lookupWithin)
			defer end()
			addrs, err := n.lookup(within, name)
			addrs = tidy(addrs)
			if err == nil && len(addrs) == 0 {
				err = errors.New("it has no address")
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs[name] = err
			} else {
				found[name] = addrs
			}
		})
	}
	all.Wait()
	return found, errs
}

// tidy puts addresses in order, so that another order is no change, and leaves out what can be nobody's.
func tidy(list []netip.Addr) (out []netip.Addr) {
	for _, a := range list {
		if a = a.Unmap().WithZone(""); a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), config.MaxNameAddrs)]
}

// complain tells once what can't be looked up, and when it can be again.
func (n *names) complain(list []string, failed map[string]string, errs map[string]error) {
	for _, name := range list {
		text := ""
		if err := errs[name]; err != nil {
			text = err.Error()
			if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
				text = dns.Err // the rest may differ from one time to the next
			}
		}
		was := failed[name]
		failed[name] = text
		switch {
		case text != "" && was == "":
			n.host.Say(4, 0, fmt.Sprintf("unicast_peer %s can't be looked up: %s; what was found last stays", name, text))
		case text == "" && was != "":
			n.host.Say(0, 0, fmt.Sprintf("unicast_peer %s can be looked up again", name))
		}
	}
}
