package interop

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/certs"
	"holdfast.dev/interop/lab"
)

// carriedWait is how long anything may take that is waited for: it says nothing about how long it should.
const carriedWait = time.Minute

// carriedLab is two routers of ours on a network that lets no VRRP pass. The first owns the addresses, so it is master at once; the second would
// wait a hundred intervals for a silent one, so what it does earlier it does for another reason.
type carriedLab struct {
	*lab.Lab
	a, b *lab.Node
	r    [2]lab.Router
}

func newCarriedLab(t *testing.T, m medium, lines ...string) *carriedLab {
	t.Helper()
	if reference() {
		t.Skip("only ours has transports")
	}
	l := lab.New(t, lab.Options{Nodes: 2})
	c := &carriedLab{Lab: l, a: l.Nodes[0], b: l.Nodes[1]}
	for i, n := range l.Nodes {
		n.Firewall()
		r := m.router(n, l.Nodes[1-i], []int{255, 100}[i])
		if m.six {
			r.Src, r.Peers = n.Global6(), []string{l.Nodes[1-i].Global6()}
		}
		r.Interval = second
		r.Lines = append(r.Lines, "down_timer_adverts 100", "state "+[]string{"MASTER", "BACKUP"}[i])
		for _, line := range lines {
			r.Lines = append(r.Lines, strings.ReplaceAll(line, "NODE", strconv.Itoa(i+1)))
		}
		c.r[i] = r
	}
	c.start(c.b, 1)
	c.start(c.a, 0)
	return c
}

// start begins a router, and waits until the backup follows the master.
func (c *carriedLab) start(n *lab.Node, i int) {
	c.T.Helper()
	skip := 0
	if i == 0 {
		skip = len(c.b.Daemon().Log())
	}
	n.Start(ours(c.T), lab.File{Routers: c.r[i : i+1]}.Text())
	if i == 0 {
		c.WaitFor("the owner is master and has its addresses, and the other has none", carriedWait, func() bool {
			return len(c.a.Foreign()) == 2 && len(c.b.Foreign()) == 0
		})
		c.b.Daemon().WaitLog(skip, "(VI_1) master ", carriedWait)
		c.connected()
		c.Pass(second)
	}
}

// process is the number of one of a node's processes.
func process(n *lab.Node, name string) int {
	for _, pid := range n.Pids() {
		if lab.Comm(pid) == name {
			return pid
		}
	}
	return 0
}

// connected waits until the two have a connection, where the transport has any.
func (c *carriedLab) connected() {
	if !slices.Contains(c.r[0].Lines, "fast_fail on") {
		return
	}
	c.WaitFor("there is a connection", carriedWait, func() bool {
		table, err := os.ReadFile("/proc/" + strconv.Itoa(process(c.a, "holdfast-carry")) + "/net/tcp")
		return err == nil && strings.Contains(string(table), " 01 ") // ESTABLISHED
	})
}

// replaced kills a process of the master's, waits until another one does its work, and sees to it that the backup stays one.
func (c *carriedLab) replaced(name string) {
	c.T.Helper()
	old, skip := process(c.a, name), len(c.b.Daemon().Log())
	if old == 0 {
		c.T.Fatalf("there is no process %s", name)
	}
	if err := unix.Kill(old, unix.SIGKILL); err != nil {
		c.T.Fatal(err)
	}
	c.WaitFor("there is another "+name, carriedWait, func() bool { pid := process(c.a, name); return pid != 0 && pid != old })
	c.connected()
	c.Pass(2 * second)
	if log := c.b.Daemon().Log()[skip:]; strings.Contains(log, "MASTER STATE") || strings.Contains(log, "is dead") {
		c.T.Errorf("%s was killed and is there again, and the backup took over:\n%s", name, log)
	}
}

// moved does something to the master and waits until the backup has the addresses.
func (c *carriedLab) moved(what string, do func() time.Time) (log string) {
	c.T.Helper()
	skip := len(c.b.Daemon().Log())
	from := do()
	c.WaitFor("the other has the addresses: "+what, carriedWait, func() bool { return len(c.b.Foreign()) == 2 })
	for _, ch := range c.b.Changes(from) {
		if strings.HasSuffix(ch.What, "added") {
			c.T.Logf("%s: the address is on the other node %v later", what, ch.At.Sub(from).Round(100*time.Microsecond))
			break
		}
	}
	return c.b.Daemon().Log()[skip:]
}

// kill and stop end the master's daemon, and return when that began.
func (c *carriedLab) kill() time.Time { return c.a.KillAllBut() }

func (c *carriedLab) stop() time.Time {
	from := time.Now()
	c.a.Daemon().Stop()
	return from
}

// TestCarriedConnections: where VRRP does not pass, connections carry it; and they tell the death of a daemon from that of a process which will be
// started again, and from a polite stop.
func TestCarriedConnections(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tcp", "tls"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			long(t)
			lines := []string{"transport " + kind, "fast_fail on"}
			if kind == "tls" {
				dir := certificates(t, "10.0.0.1", "10.0.0.2")
				lines = append(lines, "transport_certificate "+dir+"/NODE.pem", "transport_key "+dir+"/NODE.key", "transport_ca "+dir+"/ca.pem")
			}
			c := newCarriedLab(t, media[3], lines...)
			c.replaced("holdfast-carry")
			c.replaced("holdfast-vrrp")
			if log := c.moved("the whole daemon is killed", c.kill); !strings.Contains(log, "is dead") || !strings.Contains(log, "trouble peer_dead") {
				t.Errorf("its death is not named:\n%s", log)
			}
			c.start(c.a, 0) // which removes what was left, and is master again
			if log := c.moved("a polite stop", c.stop); strings.Contains(log, "is dead") {
				t.Errorf("a polite stop is taken for a death:\n%s", log)
			} else if !strings.Contains(log, "hands over to us") {
				t.Errorf("it was not handed over:\n%s", log)
			}
		})
	}
}

// TestCarriedDatagrams does the same over IPv6 and UDP, which knows of no death: there is a polite stop.
func TestCarriedDatagrams(t *testing.T) {
	t.Parallel()
	long(t)
	c := newCarriedLab(t, media[5], "transport udp", "transport_port 2112")
	c.replaced("holdfast-carry")
	if log := c.moved("a polite stop", c.stop); !strings.Contains(log, "hands over to us") {
		t.Errorf("it was not handed over:\n%s", log)
	}
}

// certificates makes a CA and a certificate for each address: 1.pem with 1.key for the first, and so on.
func certificates(t *testing.T, addrs ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := certs.Make(dir, addrs...); err != nil {
		t.Fatal(err)
	}
	return dir
}
