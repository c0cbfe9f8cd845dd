package durations

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/guest"
	"holdfast.dev/interop/lab"
)

// world is a bridge with routers on its ports.
type world struct {
	t       *testing.T
	fabric  *netns.NS
	routers []*router
	wire    *capture
}

// router is a host on the bridge. The first is 10.0.0.1 and fe80::1.
type router struct {
	name   string
	ns     *netns.NS
	world  *world
	dir    string
	main   *exec.Cmd
	kernel *capture // what its kernel and the programs say to each other over netlink
}

// program is a daemon in the guest.
type program struct{ name, path string }

var (
	ours      = program{"holdfast", "/usr/sbin/holdfast"}
	reference = program{"keepalived", "/usr/sbin/keepalived"}
)

// need skips the test where the program is not in the guest.
func (p program) need(t *testing.T) {
	t.Helper()
	guest.Need(t)
	if _, err := os.Stat(p.path); err != nil {
		t.Skipf("%s is not installed on the host", p.name)
	}
}

// newWorld makes a network of n routers.
func newWorld(t *testing.T, n int) *world {
	t.Helper()
	guest.Need(t)
	w := &world{t: t, fabric: nstest.New(t)}
	nstest.OK(t, w.fabric.SetSysctl("net/ipv6/conf/default/disable_ipv6", "1"))
	nstest.OK(t, w.fabric.AddBridge("br0"))
	nstest.OK(t, w.fabric.SetUp("br0"))
	for i := range n {
		w.routers = append(w.routers, w.join(i+1))
	}
	w.wire = newCapture(t, w.fabric, "", true)
	bridge, err := w.fabric.Index("br0")
	nstest.OK(t, err)
	w.wire.except = bridge // it receives again what its ports received
	t.Cleanup(func() {
		for _, r := range w.routers {
			r.end()
		}
	})
	return w
}

func (w *world) join(number int) *router {
	t := w.t
	t.Helper()
	r := &router{name: fmt.Sprintf("r%d", number), ns: nstest.New(t), world: w, dir: t.TempDir()}
	nstest.OK(t, r.ns.SetSysctl("net/ipv6/conf/default/accept_ra", "0"))
	nstest.OK(t, r.ns.SetSysctl("net/ipv6/conf/default/addr_gen_mode", "1"))
	nstest.OK(t, r.ns.AddVeth("eth0", w.fabric, r.name))
	nstest.OK(t, r.ns.SetMAC("eth0", r.mac()))
	nstest.OK(t, w.fabric.SetMaster(r.name, "br0"))
	nstest.OK(t, w.fabric.SetUp(r.name))
	nstest.OK(t, r.ns.SetUp("eth0"))
	nstest.OK(t, r.ns.AddAddr("eth0", fmt.Sprintf("10.0.0.%d/24", number)))
	nstest.OK(t, r.ns.AddAddr("eth0", fmt.Sprintf("fe80::%d/64", number)))
	nstest.OK(t, addLink(r.ns, "nlmon", "nlmon0"))
	nstest.OK(t, r.ns.SetUp("nlmon0"))
	r.kernel = newCapture(t, r.ns, "nlmon0", false)
	return r
}

func (r *router) mac() [6]byte { return [6]byte{2, 0, 0, 0, 0, r.name[1] - '0'} }

// start starts a daemon. It returns the time of the call.
func (r *router) start(p program, f lab.File) time.Time {
	r.world.t.Helper()
	return r.run(p, f.Text())
}

func (r *router) run(p program, text string) time.Time {
	t := r.world.t
	t.Helper()
	p.need(t)
	conf := r.file("keepalived.conf")
	nstest.OK(t, os.WriteFile(conf, []byte(text), 0o644))
	log, err := os.Create(r.file("log"))
	nstest.OK(t, err)
	defer log.Close()
	args := []string{"-n", "-l", "-D", "-G", "-f", conf, "-p", r.file("pid"), "-r", r.file("vrrp.pid")}
	if p == reference {
		args = append(args, "-P") // VRRP alone
	}
	r.main = exec.Command(p.path, args...)
	r.main.Stdout, r.main.Stderr = log, log
	at := time.Now()
	nstest.OK(t, r.ns.Start(r.main))
	return at
}

func (r *router) file(name string) string { return filepath.Join(r.dir, name) }

// freeze stops every process of the router, now. It hears nothing and says nothing from here on.
func (r *router) freeze() { r.each(unix.SIGSTOP) }

// stop ends the daemon as an operator does.
func (r *router) stop() { _ = r.main.Process.Signal(unix.SIGTERM) }

// each sends a signal to all processes that live in the router.
func (r *router) each(sig syscall.Signal) {
	entries, err := os.ReadDir("/proc")
	nstest.OK(r.world.t, err)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) == nil && st.Ino == r.ns.Inode() {
			_ = unix.Kill(pid, sig) // it may be gone by now
		}
	}
}

// end kills what is left, and shows the log of a test that failed.
func (r *router) end() {
	if r.main == nil {
		return
	}
	r.each(unix.SIGSTOP) // first, so that none does anything because another ends
	r.each(unix.SIGKILL)
	_ = r.main.Wait()
	if b, err := os.ReadFile(r.file("log")); err == nil && r.world.t.Failed() {
		r.world.t.Logf("log of %s:\n%s", r.name, b)
	}
}
