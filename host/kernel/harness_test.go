package kernel

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// observer runs a Writer in a namespace and remembers what it reports.
type observer struct {
	t *testing.T
	w *Writer

	mu       sync.Mutex
	gate     chan struct{} // not nil: reports wait for it to be closed
	final    map[host.Owner]uint64
	results  map[host.Owner]map[host.Key]string // of the latest generation
	lost     []host.Lost
	links    map[string]host.Link
	history  []host.Link // every link report, in order
	gone     []string
	troubles []string
	synced   int
}

func watchOver(t *testing.T, n *netns.NS, cfg Config) *observer {
	t.Helper()
	o := &observer{
		t: t, final: map[host.Owner]uint64{}, results: map[host.Owner]map[host.Key]string{}, links: map[string]host.Link{},
	}
	cfg.Report = o.report
	nstest.Do(t, n, func() {
		var err error
		o.w, err = Open(cfg)
		nstest.OK(t, err)
	})
	o.w.Start()
	t.Cleanup(func() { nstest.OK(t, o.w.Close()) })
	o.eventually("the first snapshot", func() bool { return o.synced > 0 })
	return o
}

func (o *observer) report(rep host.Report) {
	o.mu.Lock()
	gate := o.gate
	o.mu.Unlock()
	if gate != nil {
		<-gate
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range rep.Gone {
		delete(o.links, name)
		o.gone = append(o.gone, name)
	}
	for _, l := range rep.Changed {
		o.links[l.Name] = l
		o.history = append(o.history, l)
	}
	o.lost = append(o.lost, rep.Lost...)
	for _, a := range rep.Applied {
		if o.results[a.Owner] == nil {
			o.results[a.Owner] = map[host.Key]string{}
		}
		for _, res := range append(slices.Clone(a.Results), a.Unremoved...) {
			o.results[a.Owner][res.Key] = res.Err
		}
		if a.Final {
			o.final[a.Owner] = a.Gen
		}
	}
	o.troubles = append(o.troubles, rep.Troubles...)
	if rep.Synced {
		o.synced++
	}
}

func (o *observer) eventually(what string, cond func() bool) {
	o.t.Helper()
	nstest.Eventually(o.t, what, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return cond()
	})
}

// apply wants a state and waits until all of it is answered.
func (o *observer) apply(owner host.Owner, gen uint64, s host.State) map[host.Key]string {
	o.t.Helper()
	o.mu.Lock()
	o.results[owner] = map[host.Key]string{}
	o.mu.Unlock()
	o.w.Want(owner, gen, s)
	o.eventually(fmt.Sprintf("generation %d of owner %d", gen, owner), func() bool { return o.final[owner] == gen })
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.results[owner])
}

// stand applies a state and requires that all of it stands.
func (o *observer) stand(owner host.Owner, gen uint64, s host.State) {
	o.t.Helper()
	for key, err := range o.apply(owner, gen, s) {
		if err != "" {
			o.t.Fatalf("%s: %s", key, err)
		}
	}
}

// takeLost waits for something that was lost and returns it.
func (o *observer) takeLost() host.Lost {
	o.t.Helper()
	o.eventually("an address to be reported lost", func() bool { return len(o.lost) > 0 })
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lost[0]
	o.lost = o.lost[1:]
	return l
}

func (o *observer) nothingLost() {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lost) > 0 {
		o.t.Errorf("reported lost: %+v", o.lost)
	}
}

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

func want(list ...string) (s host.State) {
	for _, text := range list {
		s.Addresses = append(s.Addresses, addr(text))
	}
	return s
}

func thousand() (s host.State) {
	for i := range 1000 {
		s.Addresses = append(s.Addresses, addr(fmt.Sprintf("10.7.%d.%d/32", i/250, 1+i%250)))
	}
	return s
}

// read is what the kernel holds, read anew.
func read(t testing.TB, n *netns.NS) (links []host.Link) {
	t.Helper()
	nstest.Do(t, n, func() {
		var err error
		links, err = Read()
		nstest.OK(t, err)
	})
	return links
}

// holds is the addresses of a link, link-local ones left out, as text: "10.0.0.3/24 10.0.0.4/24(s)".
func holds(t testing.TB, n *netns.NS, link string) string {
	t.Helper()
	var list []string
	for _, l := range read(t, n) {
		for _, a := range l.Addrs {
			if l.Name != link || a.Prefix.Addr().IsLinkLocalUnicast() {
				continue
			}
			s := a.Prefix.String()
			if a.Prefix.Addr().Is4() && a.Flags&host.FlagSecondary != 0 {
				s += "(s)"
			}
			list = append(list, s)
		}
	}
	return strings.Join(list, " ")
}

func expect(t testing.TB, n *netns.NS, link, want string) {
	t.Helper()
	if got := holds(t, n, link); got != want {
		t.Errorf("%s holds %q, want %q", link, got, want)
	}
}
