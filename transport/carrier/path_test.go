package carrier

import (
	"bufio"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/internal/netns/relay"
	"holdfast.dev/transport"
)

// path are two processes with a carrier each, and a network between them that can be spoiled.
type path struct {
	t      *testing.T
	relay  *relay.Relay
	master *process
	backup *process
}

type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// newPath starts a sender of adverts and a listener.
func newPath(t *testing.T, kind transport.Kind, interval, delay time.Duration, routers int) *path {
	t.Helper()
	a, b, mid := nstest.New(t), nstest.New(t), nstest.New(t)
	nstest.Veth(t, a, "eth0", mid, "left")
	nstest.Veth(t, b, "eth0", mid, "right")
	ok(t, a.AddAddr("eth0", "192.0.2.1/24"))
	ok(t, b.AddAddr("eth0", "192.0.2.2/24"))
	r, err := relay.New(mid, "left", "right")
	ok(t, err)
	t.Cleanup(r.Close)
	r.SetDelay(delay)
	x, y := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	auth := newAuthority(t)
	p := &path{t: t, relay: r}
	p.master = launch(t, a, &nodeSpec{Kind: kind, Me: x, Peer: y, Interval: interval, Routers: routers, Identity: auth.identity(x.String())})
	p.backup = launch(t, b, &nodeSpec{Kind: kind, Me: y, Peer: x, Interval: interval, Listen: true, Identity: auth.identity(y.String())})
	return p
}

func launch(t *testing.T, n *netns.NS, s *nodeSpec) *process {
	t.Helper()
	text, err := json.Marshal(s)
	ok(t, err)
	p := &process{t: t, cmd: exec.Command("/proc/self/exe", "-test.run=^$")}
	p.cmd.Env = append(os.Environ(), nodeEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	ok(t, err)
	out, err := p.cmd.StdoutPipe()
	ok(t, err)
	p.out = bufio.NewReader(out)
	ok(t, n.Start(p.cmd))
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	_, err = p.out.ReadString('\n')
	ok(t, err)
	return p
}

// end has the process say what it has seen.
func (p *process) end() (t tally) {
	p.t.Helper()
	_ = p.in.Close()
	ok(p.t, json.NewDecoder(p.out).Decode(&t))
	return t
}

// adverts waits until one has come.
func (p *path) adverts() {
	p.t.Helper()
	_, err := io.WriteString(p.backup.in, "open\n")
	ok(p.t, err)
	_, err = p.backup.out.ReadString('\n')
	ok(p.t, err)
}

// TestLoss shows what loss and delay do: HOLDFAST_LOSS is how long it takes for each; without it the test is left out.
func TestLoss(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("HOLDFAST_LOSS"))
	if err != nil {
		t.Skip("HOLDFAST_LOSS says for how long")
	}
	for _, loss := range []int{20, 200} {
		for _, kind := range carried {
			t.Run(kind.String(), func(t *testing.T) {
				t.Parallel()
				p := newPath(t, kind, 100*time.Millisecond, 50*time.Millisecond, 1)
				p.relay.SetLoss(loss)
				time.Sleep(long)
				a, b := p.master.end(), p.backup.end()
				t.Logf("%v, %d of 1000 lost: %d adverts, %d take-overs, longest %v; connects %d, stale %d; replaced %d, CPU %v", kind, loss, b.Received, b.Takeovers,
					b.Longest, b.Link.Count.Connects, b.Link.Count.Stale, a.Link.Count.Replaced, a.User+a.Sys)
			})
		}
	}
}

// TestBlackHole: after five seconds without any packet adverts come again, and how soon is told: TestNeverApart has the bound.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	for _, kind := range []transport.Kind{transport.TCP, transport.TLS} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			p := newPath(t, kind, 100*time.Millisecond, 0, 1)
			p.adverts()
			p.relay.SetHole(true)
			time.Sleep(5 * time.Second)
			p.relay.SetHole(false)
			p.adverts()
			b := p.backup.end()
			t.Logf("%v: the first advert came %v after the way was open again", kind, b.After)
		})
	}
}

// TestLoad shows what many adverts cost: HOLDFAST_LOAD is for how long; without it the test is left out.
func TestLoad(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("HOLDFAST_LOAD"))
	if err != nil {
		t.Skip("HOLDFAST_LOAD says for how long")
	}
	for _, kind := range carried {
		p := newPath(t, kind, 20*time.Millisecond, 0, 200)
		time.Sleep(long)
		a, b := p.master.end(), p.backup.end()
		t.Logf("%v, 200 routers at 20 ms (10,000 adverts/s): %d adverts, %d take-overs, longest %v, stale %d, replaced %d; CPU of the sender %v, of the listener %v; %d and %d KiB",
			kind, b.Received, b.Takeovers, b.Longest, b.Link.Count.Stale, a.Link.Count.Replaced, a.User+a.Sys, b.User+b.Sys, a.MaxRSS, b.MaxRSS)
	}
}

// TestForgetfulFirewall: connections that a firewall has forgotten are noticed and replaced; how long that takes is told.
func TestForgetfulFirewall(t *testing.T) {
	t.Parallel()
	p := newPath(t, transport.TLS, 100*time.Millisecond, 0, 1)
	p.adverts()
	for range 3 {
		time.Sleep(time.Second)
		p.relay.Forget()
		p.adverts()
	}
	time.Sleep(time.Second)
	b := p.backup.end()
	t.Logf("longest time without an advert: %v; %d take-overs, %d connections", b.Longest, b.Takeovers, b.Link.Count.Connects)
	if b.Link.Count.Connects < 2 {
		t.Errorf("%+v", b)
	}
}
