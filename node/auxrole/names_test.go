package auxrole

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/role"
)

// zone answers as a test says.
type zone struct {
	mu    sync.Mutex
	addrs map[string][]netip.Addr
	err   error
	asked int
}

func (z *zone) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	return slices.Clone(z.addrs[name]), z.err
}

func (z *zone) set(err error, addrs ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.err, z.asked = err, 0
	z.addrs = map[string][]netip.Addr{}
	for _, a := range addrs {
		z.addrs["node-b"] = append(z.addrs["node-b"], netip.MustParseAddr(a))
	}
}

// rounds waits until the zone was asked that often since it was set.
func (z *zone) rounds(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		z.mu.Lock()
		asked := z.asked
		z.mu.Unlock()
		if asked >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nothing is looked up")
		}
	}
}

func TestNames(t *testing.T) {
	a, b, err := role.Pair()
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := role.NewConn(a)
	if err != nil {
		t.Fatal(err)
	}
	far, err := role.NewConn(b)
	if err != nil {
		t.Fatal(err)
	}
	defer ctl.Close()
	defer far.Close()
	z := &zone{}
	z.set(nil, "10.0.0.9", "::ffff:10.0.0.2", "127.0.0.1", "10.0.0.9", "224.0.0.1")
	n := &names{host: newHost(ctl), lookup: z.lookup}
	cfg := &config.Config{Instances: []config.Instance{{Rare: &config.Rare{PeerNames: []config.PeerName{{Proof: config.Proof{Name: "node-b"}}}}}}}
	cfg.Global.Resolve = time.Millisecond
	n.Commit(&Generation{Config: cfg})
	defer n.Close()
	told := func() (addrs []netip.Addr, text string) {
		m, _, err := far.Recv()
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Log != nil:
			return nil, m.Log.Text
		case m.Resolved == nil:
			t.Fatalf("%+v", m)
		}
		return m.Resolved.Addrs["node-b"], ""
	}
	want := []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.9")}
	if got, _ := told(); !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
	z.set(nil, "10.0.0.9", "10.0.0.2") // another order is nothing to tell
	z.rounds(t, 3)
	z.set(errors.New("no servers"))
	if got, text := told(); text != "unicast_peer node-b can't be looked up: no servers; what was found last stays" {
		t.Fatalf("%v %q", got, text)
	}
	z.rounds(t, 3)
	z.set(nil, "10.0.0.3")
	if _, text := told(); text != "unicast_peer node-b can be looked up again" {
		t.Fatal(text)
	}
	if got, text := told(); len(got) != 1 || got[0] != netip.MustParseAddr("10.0.0.3") {
		t.Fatalf("%v %q", got, text)
	}
	n.Commit(&Generation{Config: &config.Config{}})
	if n.end != nil {
		t.Error("names are looked up that nobody needs")
	}
}
