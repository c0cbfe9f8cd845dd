package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// vmacPrefix begins the names of links that carry a virtual MAC.
const vmacPrefix = "vrrp"

// FRR is the installed vrrpd of FRR. It needs zebra beside it, and an account that it can give its privileges up to.
func FRR(t testing.TB) Program {
	t.Helper()
	Tool(t, "zebra", "frr")
	path := Tool(t, "vrrpd", "frr")
	if _, err := user.Lookup("frr"); err != nil {
		t.Skipf("FRR runs as the user frr: %v", err)
	}
	if !wholeSystem() {
		t.Skip("FRR runs as the user frr, who is not in this user namespace")
	}
	return Program{Name: "frr", Path: path}
}

// StartFRR starts vrrpd for one instance. What a virtual router needs to be there beforehand, a macvlan with the
// virtual MAC and the addresses on it, is made at the first start.
func (n *Node) StartFRR(p Program, r Router) *Daemon {
	l := n.lab
	l.T.Helper()
	d := &Daemon{Node: n, Program: p, log: &output{}, exited: make(chan struct{})}
	if n.daemon == nil {
		d.Dir = l.openDir()
		n.addVMAC(r)
	} else {
		d.Dir, d.log = n.daemon.Dir, n.daemon.log
	}
	common := []string{"-u", "frr", "-g", "frr", "-z", d.file("zserv.api"), "--vty_socket", d.Dir, "--log", "stdout"}
	l.ok(os.WriteFile(d.file("frr.conf"), []byte(r.frr()), 0o644))
	if !n.runs("zebra") {
		zebra := d.command(Tool(l.T, "zebra", "frr"), append([]string{"-f", os.DevNull, "-i", d.file("zebra.pid")}, common...))
		l.ok(n.NS.Start(zebra))
		go func() { _ = zebra.Wait() }() // its end is that of the node
		l.WaitFor("zebra listens", time.Second, func() bool { _, err := os.Stat(d.file("zserv.api")); return err == nil })
	}
	d.cmd = d.command(p.Path, append([]string{"-f", d.file("frr.conf"), "-i", d.file("main.pid")}, common...))
	d.start()
	return d
}

// openDir is a directory that another user may use; those of testing are closed.
func (l *Lab) openDir() string {
	dir, err := os.MkdirTemp("", "holdfast-frr-")
	l.ok(err)
	l.T.Cleanup(func() { _ = os.RemoveAll(dir) })
	l.ok(os.Chmod(dir, 0o755))
	frr, err := user.Lookup("frr")
	l.ok(err)
	uid, err := strconv.Atoi(frr.Uid)
	l.ok(err)
	l.ok(os.Chown(dir, uid, -1))
	return dir
}

func (n *Node) addVMAC(r Router) {
	n.lab.T.Helper()
	six := r.VR().is6()
	name, mac := vmacPrefix+"4-"+strconv.Itoa(int(r.VRID)), [6]byte{0, 0, 0x5e, 0, 1, r.VRID}
	if six {
		name, mac[4] = vmacPrefix+"6-"+strconv.Itoa(int(r.VRID)), 2
	}
	n.lab.ok(n.NS.AddMacvlanBridge(name, "eth0"))
	n.lab.ok(n.NS.SetMAC(name, mac))
	for _, vip := range r.VIPs {
		n.lab.ok(n.NS.AddAddr(name, vip))
	}
	n.lab.ok(n.NS.SetUp(name))
}

// frr is the instance in FRR's language.
func (r Router) frr() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log stdout\ninterface eth0\n vrrp %d version %d\n vrrp %d priority %d\n vrrp %d advertisement-interval %d\n",
		r.VRID, r.Version, r.VRID, r.Priority, r.VRID, r.Interval.Milliseconds())
	for _, vip := range r.VIPs {
		addr := netip.MustParsePrefix(vip).Addr()
		fmt.Fprintf(&b, " vrrp %d %s %v\n", r.VRID, map[bool]string{false: "ip", true: "ipv6"}[addr.Is6()], addr)
	}
	return b.String()
}

// runs reports whether a program runs in the node.
func (n *Node) runs(name string) bool {
	for _, pid := range n.pids() {
		if path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && filepath.Base(path) == name {
			return true
		}
	}
	return false
}

// command is a process of the daemon: it writes to the daemon's log, and ends with this process.
func (d *Daemon) command(path string, args []string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = d.Dir
	cmd.Env = append(os.Environ(), "TMPDIR="+d.Dir)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	cmd.WaitDelay = 5 * time.Second // for a child that keeps the pipe
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	return cmd
}
