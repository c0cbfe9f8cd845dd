package interop

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// disk is a small file system of its own.
type disk struct {
	t   *testing.T
	dir string
}

func newDisk(t *testing.T, options string) disk {
	t.Helper()
	needRoot(t) // to mount it
	d := disk{t, t.TempDir()}
	if err := unix.Mount("disk", d.dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (d disk) file(name string) string { return filepath.Join(d.dir, name) }

// fill leaves no room.
func (d disk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.file("filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, unix.ENOSPC) {
		d.t.Fatal(err)
	}
}

// args have a daemon put everything that it writes there.
func (d disk) args() []string {
	return []string{"-p", d.file("main.pid"), "-r", d.file("vrrp.pid"), "-g", d.file("log")}
}

func (d disk) pid(name string) int {
	b, _ := os.ReadFile(d.file(name))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// TestDiskFull fills the file system of pid files, state file and log while a router is master. It reloads, loses its VRRP process,
// is killed as a whole and started again, all without being able to write a thing: the election does not notice, and what could not
// be noted in the state file is found by the configuration.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	long(t)
	if reference() {
		t.Skip("keepalived has no state file")
	}
	disk := newDisk(t, "size=128k")
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	r := media[2].router(a, a, 200)
	s := l.Scene(r.VR())
	a.Start(ours(t), lab.File{Routers: []lab.Router{r}}.Text(), disk.args()...)
	s.Elect(a, r.Down())

	disk.fill()
	r.VIPs = append(r.VIPs, "10.0.0.177/24")
	held := len(r.VIPs)
	skip := len(a.Daemon().Log())
	a.Daemon().Reload(lab.File{Routers: []lab.Router{r}}.Text())
	l.WaitFor("the reload brings an address", 2*second, func() bool { return len(a.Foreign()) == held })
	a.Daemon().WaitLog(skip, "could not be noted", second)
	old := disk.pid("vrrp.pid")
	if err := unix.Kill(old, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l.WaitFor("another VRRP process runs", 2*second, func() bool {
		pid := disk.pid("vrrp.pid")
		return pid != 0 && pid != old
	})
	s.Stay(2 * r.Down())

	s.Leave(a.KillAll)
	if n := len(a.Foreign()); n != held {
		t.Fatalf("%d addresses are left of a killed daemon, not %d", n, held)
	}
	for _, name := range []string{"main.pid", "vrrp.pid"} {
		_ = os.Remove(disk.file(name))
	}
	disk.fill()
	skip = len(a.Daemon().Log())
	a.Start(ours(t), lab.File{Routers: []lab.Router{r}}.Text(), disk.args()...)
	l.WaitFor("the addresses of the last run are gone", 2*second, func() bool { return len(a.Foreign()) == 0 })
	s = l.Scene(r.VR())
	s.Elect(a, r.Down())
	if log := a.Daemon().Log()[skip:]; strings.Count(log, "pid file: write "+disk.file("main.pid")+": no space left") != 1 {
		t.Errorf("it is not said, or not once, that the pid file is empty:\n%s", log)
	}
	s.Leave(a.Daemon().Stop)
	if left := a.Foreign(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDiskWithoutFiles: where not even an empty pid file can be made, nothing keeps a second daemon away. That is not begun, and it is said
// why.
func TestDiskWithoutFiles(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("keepalived has words of its own")
	}
	disk := newDisk(t, "size=64k,nr_inodes=1")
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	a.Start(ours(t), lab.File{Routers: []lab.Router{media[2].router(a, a, 200)}}.Text(), disk.args()...)
	if status := a.Daemon().Wait(10 * second); status != 1 {
		t.Errorf("exit status %d", status)
	}
	if want := "pid file: open " + disk.file("main.pid") + ": no space left on device"; !strings.Contains(a.Daemon().Log(), want) {
		t.Errorf("it does not say %q", want)
	}
}
