package host_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/host/hosttest"
)

// world is a Reconciler at work on a pretended kernel. What it reports is kept as text.
type world struct {
	t *testing.T
	k *hosttest.Kernel
	r *host.Reconciler

	said    []string // Applied, Lost and Troubles since the last call of heard
	links   map[string]host.Link
	changes int // how often a link was reported
	ops     int // of k.Ops, how many heard has told already
	kept    string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, k: &hosttest.Kernel{}, r: host.New(host.ProtoMark), links: map[string]host.Link{}}
	w.k.AddLink("eth0", true)
	w.run()
	w.heard()
	return w
}

// run works until there is nothing left to do.
func (w *world) run() {
	w.t.Helper()
	for range 1000 {
		more, err := w.r.Round(w.k)
		w.take()
		if err != nil || (!more && (w.k.Hold || w.k.Waiting() == 0)) {
			return
		}
	}
	w.t.Fatal("still busy after 1,000 rounds")
}

func (w *world) take() {
	rep := w.r.Reports()
	if now := w.held(); now != w.kept { // whoever writes the state file learns of it only so
		if !rep.Held {
			w.t.Errorf("held %s, then %s, and nobody was told", w.kept, now)
		}
		w.kept = now
	}
	for _, name := range rep.Gone {
		delete(w.links, name)
		w.said = append(w.said, "gone "+name)
	}
	for _, l := range rep.Changed {
		w.links[l.Name] = l
		w.changes++
	}
	for _, l := range rep.Lost {
		line := fmt.Sprintf("lost %d [%s]", l.Owner, l.Key)
		if l.LinkDown {
			line += " link down"
		}
		w.said = append(w.said, line)
	}
	for _, a := range rep.Applied {
		line := fmt.Sprintf("applied %d.%d", a.Owner, a.Gen)
		if a.Final {
			line += " final"
		}
		for _, res := range a.Results {
			line += " [" + res.Key.String() + outcome(res.Err) + "]"
		}
		for _, res := range a.Unremoved {
			line += " unremoved[" + res.Key.String() + outcome(res.Err) + "]"
		}
		w.said = append(w.said, line)
	}
	w.said = append(w.said, rep.Troubles...)
}

func outcome(err string) string {
	if err == "" {
		return ""
	}
	return ": " + err
}

// heard returns what was reported and asked of the kernel since the last call.
func (w *world) heard() (said, ops string) {
	said = strings.Join(w.said, "\n")
	var list []string
	for _, op := range w.k.Ops[w.ops:] {
		list = append(list, op.String())
	}
	w.said, w.ops = nil, len(w.k.Ops)
	return said, strings.Join(list, ", ")
}

// expect compares what was reported, what was asked of the kernel, and what it holds.
func (w *world) expect(said, ops, kernel string) {
	w.t.Helper()
	w.run()
	gotSaid, gotOps := w.heard()
	if gotSaid != said {
		w.t.Errorf("reported:\n%s\nwant:\n%s", gotSaid, said)
	}
	if gotOps != ops {
		w.t.Errorf("operations: %s\nwant:       %s", gotOps, ops)
	}
	if got := strings.TrimSpace(w.k.String()); got != kernel {
		w.t.Errorf("kernel:\n%s\nwant:\n%s", got, kernel)
	}
}

// addr is an address as the engine would want it: "10.0.0.3/24" on eth0, or "10.0.0.3/24@eth1".
func addr(text string) host.Address {
	prefix, link, ok := strings.Cut(text, "@")
	if !ok {
		link = "eth0"
	}
	a := host.Address{Key: host.Key{Link: link, Prefix: netip.MustParsePrefix(prefix)}, Preferred: host.Forever}
	if a.Prefix.Addr().Is6() {
		a.Flags = host.FlagNoDAD
	}
	return a
}

func want(list ...string) host.State {
	var s host.State
	for _, text := range list {
		s.Addresses = append(s.Addresses, addr(text))
	}
	return s
}

func absent(list ...string) (keys []host.Key) {
	for _, text := range list {
		keys = append(keys, addr(text).Key)
	}
	return keys
}

func (w *world) held() string {
	var list []string
	for _, k := range w.r.Held() {
		list = append(list, k.String())
	}
	return strings.Join(list, ", ")
}
