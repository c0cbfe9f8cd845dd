package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// side is a program that takes part.
type side struct {
	name    string
	path    string
	version string
	floor   bool // the bare loop, which takes other arguments
}

// file is a keepalived.conf with count virtual routers, perLink of them on each link.
type file struct {
	state    string
	priority int
	interval time.Duration
	count    int
	global   []string
	preempt  bool
	vmac     bool
	lines    []string                // more of every instance
	ofLink   func(link int) []string // more of every instance of a link; nil for nothing
	master   string                  // notify_master, with the instance's number; empty for none
}

func (f *file) text() string {
	var b strings.Builder
	b.WriteString("global_defs {\n\trouter_id bench\n")
	for _, line := range f.global {
		b.WriteString("\t" + line + "\n")
	}
	b.WriteString("}\n")
	for i := range f.count {
		link, vrid := i/perLink, i%perLink+1
		fmt.Fprintf(&b, "vrrp_instance v%d {\n\tversion 3\n\tstate %s\n\tinterface eth%d\n\tvirtual_router_id %d\n\tpriority %d\n"+
			"\tadvert_int %g\n", i, or(f.state, "BACKUP"), link, vrid, f.priority, f.interval.Seconds())
		if !f.preempt {
			b.WriteString("\tnopreempt\n")
		}
		for _, line := range f.lines {
			b.WriteString("\t" + line + "\n")
		}
		if f.ofLink != nil {
			for _, line := range f.ofLink(link) {
				b.WriteString("\t" + line + "\n")
			}
		}
		if f.vmac {
			fmt.Fprintf(&b, "\tuse_vmac vm%d\n", i) // the default name is of the VRID alone
		}
		if f.master != "" {
			fmt.Fprintf(&b, "\tnotify_master \"%s %d\"\n", f.master, i)
		}
		fmt.Fprintf(&b, "\tvirtual_ipaddress {\n\t\t%s/16\n\t}\n}\n", vip(link, vrid))
	}
	return b.String()
}

// links is how many links the file needs.
func (f *file) links() int { return (f.count + perLink - 1) / perLink }

// down is how long a virtual router of version 3 waits for a silent master.
func (f *file) down() time.Duration {
	return 3*f.interval + time.Duration(256-f.priority)*f.interval/256
}

// daemon is a program that runs in a router.
type daemon struct {
	side   *side
	cmd    *exec.Cmd
	born   int64
	pid    string // the file with its pid
	exited chan struct{}
}

// start starts a program in a router, with the whole machine's environment and its log in a file.
func (b *bench) start(n *node, s *side, f *file) error {
	dir, err := os.MkdirTemp(b.dir, s.name+"-")
	if err != nil {
		return err
	}
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte(f.text()), 0o644); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{
		"-n", "-l", "-G", "-P", "-f", conf, "-p", filepath.Join(dir, "main.pid"),
		"-r", filepath.Join(dir, "vrrp.pid"),
	}
	if s.floor {
		args = []string{"helper-floor", "eth0", f.interval.String(), strconv.Itoa(f.priority), strconv.FormatBool(len(f.global) > 0)}
	}
	d := &daemon{side: s, cmd: exec.Command(s.path, args...), pid: filepath.Join(dir, "main.pid"), exited: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	d.born = time.Now().UnixNano()
	if err := n.ns.Start(d.cmd); err != nil {
		return err
	}
	n.daemon = d
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	return nil
}

// kill ends every process of the router with SIGKILL, none of them having had a chance to notice that of another.
func (n *node) kill() {
	if n.ns == nil {
		return
	}
	for _, sig := range []syscall.Signal{unix.SIGSTOP, unix.SIGKILL} {
		for _, pid := range n.pids() {
			_ = unix.Kill(pid, sig)
		}
	}
	if n.daemon != nil {
		<-n.daemon.exited
	}
}

// stop asks the daemon to end and waits for it.
func (n *node) stop() error {
	if err := n.daemon.cmd.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-n.daemon.exited:
		return nil
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s does not end", n.daemon.side.name)
	}
}

// pids lists the processes that live in the router. This one is none of them, although a thread of it may be there.
func (n *node) pids() (out []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	inode := n.ns.Inode()
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		var st unix.Stat_t
		if err == nil && inode != 0 && pid != os.Getpid() &&
			unix.Stat("/proc/"+e.Name()+"/ns/net", &st) == nil && st.Ino == inode {
			out = append(out, pid)
		}
	}
	return out
}

// usage is what a router's processes have used and use.
type usage struct {
	cpu       time.Duration // user and system time so far, of all threads that there are
	pss       int64         // octets, shared pages in proportion
	alone     int64         // octets if no other process on the machine shared a page with these
	processes int
	threads   int
}

func (n *node) usage() (u usage, err error) {
	shared := map[string]int64{}
	for _, pid := range n.pids() {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return u, err
		}
		for _, t := range tasks {
			text, err := os.ReadFile(t)
			if err != nil {
				continue // the thread has ended
			}
			ns, _, _ := strings.Cut(string(text), " ")
			v, err := strconv.ParseInt(ns, 10, 64)
			if err != nil {
				return u, err
			}
			u.cpu += time.Duration(v)
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return u, err
		}
		pss, err := fieldOf(string(text), "Pss:")
		if err != nil {
			return u, err
		}
		u.pss += pss << 10
		private, err := sharedMaps(pid, shared)
		if err != nil {
			return u, err
		}
		u.alone += private << 10
		u.processes++
		u.threads += len(tasks)
	}
	for _, kb := range shared {
		u.alone += kb << 10
	}
	return u, nil
}

// sharedMaps adds up what only the process has mapped, in KiB, and notes for every mapping what it shares, if that is more than what
// another process was found to share of it. Keepalived's libraries make the difference: where another program, or another keepalived,
// uses them its proportion is a fraction of what it takes on its own.
func sharedMaps(pid int, shared map[string]int64) (private int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return 0, err
	}
	key, sum := "", int64(0)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if !strings.HasSuffix(f[0], ":") { // address permissions offset device inode path
			key, sum = strings.Join(f[2:], " "), 0
			if len(f) < 6 {
				key = f[0]
			}
			continue
		}
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		kb, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return 0, err
		}
		switch f[0] {
		case "Private_Clean:", "Private_Dirty:":
			private += kb
		case "Shared_Clean:", "Shared_Dirty:":
			sum += kb
			shared[key] = max(shared[key], sum)
		}
	}
	return private, nil
}

// fieldOf is the number behind a word at the beginning of a line.
func fieldOf(text, word string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				return strconv.ParseInt(f[0], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("no %s", word)
}
