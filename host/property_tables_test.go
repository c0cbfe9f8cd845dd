package host_test

import (
	"net/netip"
	"strings"

	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
)

func foreignRules(k *hosttest.Kernel) string {
	var b strings.Builder
	for line := range strings.Lines(k.Entries()) {
		if strings.HasPrefix(line, "rule") && (strings.Contains(line, "proto 4") || strings.Contains(line, "iif eth1")) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// checkTables compares the routes and rules marked as ours with what is wanted and possible.
func (p *property) checkTables() {
	has := map[string]int{}
	for line := range strings.Lines(p.k.Entries()) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " src ")
		line = strings.TrimSuffix(line, " metric 1024")
		if !strings.Contains(line, "proto 4") && !strings.Contains(line, "iif eth1") {
			has[line]++
		}
	}
	wanted, due := map[string]bool{}, map[string]bool{}
	for _, s := range p.e.want {
		for i := range s.Routes {
			rt := &s.Routes[i]
			wanted[rt.Key().Entry] = true // it may stand: the gateway was asked about when it was added
			if p.possible(rt) {
				due[rt.Key().Entry] = true
			}
		}
		for i := range s.Rules {
			wanted[s.Rules[i].Key().Entry], due[s.Rules[i].Key().Entry] = true, true
		}
	}
	held := map[string]bool{}
	for _, key := range p.e.r.Held() {
		held[key.Entry] = true
	}
	for key, n := range has {
		if !wanted[key] || n != 1 || !held[key] {
			p.t.Errorf("%q stands %d times, wanted %v, held %v. There are:\n%s%s", key, n, wanted[key], held[key], p.k, p.k.Entries())
		}
	}
	for key := range due {
		if has[key] == 0 {
			p.t.Errorf("%q is wanted and does not stand. There are:\n%s%s", key, p.k, p.k.Entries())
		}
	}
}

// possible reports whether the kernel would take the route.
func (p *property) possible(rt *host.Route) bool {
	local := func(a netip.Addr) (yes bool) {
		for _, name := range linkPool {
			for _, b := range p.k.Addrs(name) {
				yes = yes || b.Prefix.Addr() == a
			}
		}
		return yes
	}
	if rt.Source.IsValid() && !local(rt.Source) {
		return false
	}
	for _, h := range rt.Hops {
		if !strings.Contains(p.k.String(), h.Dev+" up") {
			return false
		}
		reached := !h.Via.IsValid()
		for _, b := range p.k.Addrs(h.Dev) {
			reached = reached || b.Prefix.Contains(h.Via)
		}
		if !reached {
			return false
		}
	}
	return true
}
