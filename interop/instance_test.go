package interop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// plain is a daemon that was started without a word about its files, as people do, with a /run of its own or that of another one.
type plain struct {
	cmd    *exec.Cmd
	exited chan struct{}

	mu  sync.Mutex
	buf bytes.Buffer
}

// Write takes what it says.
func (o *plain) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *plain) says(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Contains(o.buf.String(), text)
}

// startPlain starts one in a node, with the /run of beside, or if that is nil with an empty one.
func startPlain(t *testing.T, n *lab.Node, beside *plain, config string) *plain {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "keepalived.conf")
	writeFile(t, conf, config)
	args := []string{ours(t).Path, "-n", "-l", "-D", "-G", "-f", conf}
	if beside == nil {
		args = append([]string{"unshare", "-m", "sh", "-c", `mount -t tmpfs none /run && exec "$@"`, "sh"}, args...)
	} else {
		args = append([]string{"nsenter", "-m", "-t", strconv.Itoa(beside.cmd.Process.Pid), "--"}, args...)
	}
	o := &plain{cmd: exec.Command(args[0], args[1:]...), exited: make(chan struct{})}
	o.cmd.Stdout, o.cmd.Stderr, o.cmd.WaitDelay = o, o, 10*second
	if err := n.NS.Start(o.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = o.cmd.Wait()
		close(o.exited)
	}()
	t.Cleanup(func() {
		_ = o.cmd.Process.Kill() // where the test did not get to its end
		<-o.exited
		if t.Failed() {
			t.Logf("%s\n%s", config, o.buf.String())
		}
	})
	return o
}

// end sends SIGTERM and waits.
func (o *plain) end() {
	_ = o.cmd.Process.Signal(unix.SIGTERM)
	<-o.exited
}

// files lists what is in its /run/keepalived, with the numbers that are in there; the number of the daemon is "me".
func (o *plain) files() string {
	dir := fmt.Sprintf("/proc/%d/root/run/keepalived", o.cmd.Process.Pid)
	entries, _ := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pid") {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		what := "another"
		if strings.TrimSpace(string(text)) == strconv.Itoa(o.cmd.Process.Pid) {
			what = "me"
		}
		list = append(list, e.Name()+" "+what)
	}
	return strings.Join(list, ", ")
}

// TestInstances: two daemons with names of their own (instance) run side by side in one network namespace: each has its pid files, its name in the log
// and what it has in the kernel, and neither takes anything of the other's, not even a table of the firewall that both name: that is said. A
// second daemon of one name does not start. Rules X2 and X4.
func TestInstances(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived's tables of the firewall are everybody's")
	}
	needRoot(t) // to mount
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	file := func(name string, vrid uint8, vip string, global ...string) string {
		r := media[2].router(a, a, 200)
		r.VRID, r.VIPs, r.Lines = vrid, []string{vip}, []string{"no_accept"}
		return "instance " + name + "\n" + lab.File{Routers: []lab.Router{r}, Global: global}.Text()
	}
	has := func(vip string) bool {
		out, err := output(a, "ip", "-br", "address", "show", "dev", "eth0")
		if err != nil {
			t.Fatal(err, out)
		}
		return strings.Contains(out, vip)
	}
	blue := startPlain(t, a, nil, file("blue", 51, "10.0.0.100/24"))
	l.WaitFor("blue has its address", time.Minute, func() bool { return has("10.0.0.100") })
	if got := blue.files(); got != "keepalived_blue.pid me, vrrp_blue.pid another" {
		t.Errorf("pid files: %s", got)
	}
	if !blue.says("Changing syslog ident to Keepalived_blue") {
		t.Error("its lines in the log do not get its name")
	}
	again := startPlain(t, a, blue, file("blue", 51, "10.0.0.100/24"))
	l.WaitFor("a second daemon of the same name ends", time.Minute, func() bool {
		select {
		case <-again.exited:
			return again.says("daemon is already running")
		default:
			return false
		}
	})
	green := startPlain(t, a, blue, file("green", 52, "10.0.0.101/24"))
	l.WaitFor("green says whose table is in its way", time.Minute, func() bool {
		return green.says(`nftables has a table ip keepalived already, which another daemon has made (its comment is "holdfast blue"): delete it, or name another one (nftables NAME)`)
	})
	green.end()
	green = startPlain(t, a, blue, file("green", 52, "10.0.0.101/24", "nftables green"))
	l.WaitFor("green has its address", time.Minute, func() bool { return has("10.0.0.101") })
	if got := green.files(); got != "keepalived_blue.pid another, keepalived_green.pid me, vrrp_blue.pid another, vrrp_green.pid another" {
		t.Errorf("pid files: %s", got)
	}
	green.end()
	if has("10.0.0.101") || !has("10.0.0.100") {
		t.Error("when green has ended its address is to be gone, and that of blue there")
	}
	if got := walls(t, a); !strings.Contains(got, "10.0.0.100") || strings.Contains(got, "green") {
		t.Errorf("when green has ended nft says:\n%s", got)
	}
	blue.end()
	if got := walls(t, a); got != "" || has("10.0.0.100") {
		t.Errorf("when both have ended nft says:\n%s", got)
	}
}

// TestPidDir: use_pid_dir puts pid files into the folder, under their plain names, and they go at the end. Rule X2.
func TestPidDir(t *testing.T) {
	t.Parallel()
	needRoot(t)
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	keeper := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && echo there && exec sleep 600")
	there := &plain{cmd: keeper, exited: make(chan struct{})} // somebody who looks into that /run after the daemon
	keeper.Stdout = there
	if err := a.NS.Start(keeper); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = keeper.Process.Kill()
		_ = keeper.Wait()
	})
	l.WaitFor("a /run of our own", time.Minute, func() bool { return there.says("there") })
	r := media[2].router(a, a, 200)
	d := startPlain(t, a, there, "use_pid_dir\n"+lab.File{Routers: []lab.Router{r}}.Text())
	l.WaitFor("pid files", time.Minute, func() bool { return d.files() == "keepalived.pid me, vrrp.pid another" })
	d.end()
	if got := there.files(); got != "" {
		t.Errorf("left behind: %s", got)
	}
}
