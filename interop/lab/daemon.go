package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Daemon is a running daemon.
type Daemon struct {
	Node    *Node
	Program Program
	Dir     string // its own: configuration, pid files, what it leaves in TMPDIR
	Started time.Time

	cmd    *exec.Cmd
	log    *output
	exited chan struct{}
	status error // what Wait returned, once exited is closed
}

// output collects what a daemon writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// logLimit is how much of a daemon's output is kept: one that writes more is broken, and shall not take the test along.
const logLimit = 4 << 20

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() < logLimit {
		o.buf.Write(b)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Start starts a daemon in the node with a configuration and more arguments than the usual ones. It does not wait.
func (n *Node) Start(p Program, config string, args ...string) *Daemon {
	n.lab.T.Helper()
	if n.daemon != nil && n.daemon.Alive() {
		n.lab.T.Fatalf("a daemon is running on %s already", n.Name)
	}
	d := &Daemon{Node: n, Program: p, log: &output{}, exited: make(chan struct{})}
	if n.daemon != nil {
		d.Dir, d.log = n.daemon.Dir, n.daemon.log
	} else {
		d.Dir = n.lab.T.TempDir()
	}
	d.Write(config)
	args = append(append([]string{"-n", "-l", "-D", "-G", "-P"}, d.Files()...), args...)
	d.cmd = d.command(p.Path, args)
	d.cmd.Env = append(d.cmd.Env, p.Env...)
	d.start()
	return d
}

// Nice is the nice value that daemons are given, if that is permitted.
const Nice = -15

// start starts the main process.
func (d *Daemon) start() {
	n := d.Node
	n.lab.T.Helper()
	n.lab.rec.note("%s starts on %s", d.Program.Name, n.Name)
	d.Started = time.Now()
	n.lab.ok(n.NS.Start(d.cmd))
	// Whoever else is busy on this machine is no part of the scenario. Only root may say so.
	_ = unix.Setpriority(unix.PRIO_PGRP, d.cmd.Process.Pid, Nice)
	n.daemon = d
	go func() {
		d.status = d.cmd.Wait()
		close(d.exited)
	}()
}

// Daemon is the daemon that was last started on the node.
func (n *Node) Daemon() *Daemon { return n.daemon }

// Files are the arguments that name the daemon's files.
func (d *Daemon) Files() []string {
	return []string{"-f", d.file("keepalived.conf"), "-p", d.file("main.pid"), "-r", d.file("vrrp.pid")}
}

func (d *Daemon) file(name string) string { return filepath.Join(d.Dir, name) }

// Write replaces the configuration file, all of it at once.
func (d *Daemon) Write(config string) {
	d.Node.lab.T.Helper()
	d.Node.lab.ok(os.WriteFile(d.file("new.conf"), []byte(config), 0o644))
	d.Node.lab.ok(os.Rename(d.file("new.conf"), d.file("keepalived.conf")))
}

// Reload replaces the configuration and sends SIGHUP.
func (d *Daemon) Reload(config string) {
	d.Node.lab.T.Helper()
	d.Write(config)
	d.Signal(unix.SIGHUP)
}

// Signal sends a signal to the main process.
func (d *Daemon) Signal(sig syscall.Signal) {
	d.Node.lab.T.Helper()
	d.Node.lab.rec.note("%v to %s on %s", sig, d.Program.Name, d.Node.Name)
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.Node.lab.T.Fatalf("%v to %s on %s: %v", sig, d.Program.Name, d.Node.Name, err)
	}
}

// SignalVRRP sends a signal to the process that does VRRP.
func (d *Daemon) SignalVRRP(sig syscall.Signal) {
	d.Node.lab.T.Helper()
	pid := d.VRRPPid()
	if pid == 0 {
		d.Node.lab.T.Fatalf("%s on %s has no pid file of its VRRP process", d.Program.Name, d.Node.Name)
	}
	d.Node.lab.rec.note("%v to the VRRP process of %s on %s", sig, d.Program.Name, d.Node.Name)
	d.Node.lab.ok(unix.Kill(pid, sig))
}

// VRRPPid is the process that does VRRP; 0 if there is none that runs in this node.
func (d *Daemon) VRRPPid() int {
	b, err := os.ReadFile(d.file("vrrp.pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || !d.Node.owns(pid) {
		return 0
	}
	return pid
}

// Alive reports whether the main process runs.
func (d *Daemon) Alive() bool {
	select {
	case <-d.exited:
		return false
	default:
		return true
	}
}

// Wait waits for the end of the main process and returns its exit status, -1 if a signal ended it.
func (d *Daemon) Wait(within time.Duration) int {
	d.Node.lab.T.Helper()
	d.Node.lab.WaitFor(fmt.Sprintf("%s on %s has ended", d.Program.Name, d.Node.Name), within, func() bool { return !d.Alive() })
	return d.cmd.ProcessState.ExitCode()
}

// Stop sends SIGTERM and waits.
func (d *Daemon) Stop() {
	d.Node.lab.T.Helper()
	d.Signal(unix.SIGTERM)
	if status := d.Wait(8 * time.Second); status != 0 {
		d.Node.lab.T.Errorf("%s on %s ended with status %d after SIGTERM", d.Program.Name, d.Node.Name, status)
	}
}

// Log is what the daemons of this node have written so far.
func (d *Daemon) Log() string { return d.log.String() }

// WaitLog waits until the log has a text behind its first skip octets.
func (d *Daemon) WaitLog(skip int, text string, within time.Duration) {
	d.Node.lab.T.Helper()
	d.Node.lab.WaitFor(fmt.Sprintf("%s on %s writes %q", d.Program.Name, d.Node.Name, text), within, func() bool {
		return strings.Contains(d.Log()[skip:], text)
	})
}

// KillAll ends every process of the node with SIGKILL, none of them having had a chance to notice that of another.
func (n *Node) KillAll() { n.KillAllBut() }

// KillAllBut does that to all but the processes with these names. It returns the time at which it began.
func (n *Node) KillAllBut(names ...string) (at time.Time) {
	n.lab.rec.note("every process of %s is killed, but %q", n.Name, names)
	doomed := slices.DeleteFunc(n.pids(), func(pid int) bool { return slices.Contains(names, Comm(pid)) })
	first := 0
	if n.daemon != nil {
		first = n.daemon.cmd.Process.Pid
	}
	if at := slices.Index(doomed, first); at >= 0 { // last: when it dies the kernel has those go on whom it started, and that are stopped
		doomed = append(slices.Delete(doomed, at, at+1), first)
	}
	for _, pid := range doomed {
		_ = unix.Kill(pid, unix.SIGSTOP) // it may be gone by now
	}
	at = time.Now()
	for _, pid := range doomed {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	if n.daemon != nil && slices.Contains(doomed, first) {
		<-n.daemon.exited
	}
	n.lab.poll(time.Now(), patience, func() bool {
		return !slices.ContainsFunc(n.pids(), func(pid int) bool { return slices.Contains(doomed, pid) })
	})
	return at
}

// Comm is the name of a process; empty if there is none.
func Comm(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

func (n *Node) each(sig syscall.Signal) {
	for _, pid := range n.pids() {
		_ = unix.Kill(pid, sig) // it may be gone by now
	}
}

// pids lists the processes that live in the node.
func (n *Node) pids() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && n.owns(pid) {
			out = append(out, pid)
		}
	}
	return out
}

// owns tells a process of the node by its network namespace. This process is not one, although a thread of it may be
// where the node is.
func (n *Node) owns(pid int) bool {
	var st unix.Stat_t
	return n.NS.Inode() != 0 && pid != os.Getpid() && unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) == nil && st.Ino == n.NS.Inode()
}

// end is the end of the lab for the node.
func (n *Node) end() {
	n.each(unix.SIGSTOP)
	n.each(unix.SIGKILL)
	d := n.daemon
	if d == nil {
		return
	}
	select {
	case <-d.exited:
	case <-time.After(10 * time.Second):
		n.lab.T.Errorf("%s on %s cannot be killed", d.Program.Name, n.Name)
	}
	if n.lab.T.Failed() {
		n.lab.T.Logf("log of %s on %s:\n%s", d.Program.Name, n.Name, tail(d.Log(), 60_000))
	}
}

func tail(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return "… " + s[len(s)-limit:]
}
