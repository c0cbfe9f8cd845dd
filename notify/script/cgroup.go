package script

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// cgroups hands out cgroups for scripts. They are made ahead and used again: making one takes a lock that the whole machine
// shares.
type cgroups struct {
	dir string

	mu   sync.Mutex
	free []*cgroup
	busy []*cgroup // given back while something still ran in them
	made int
}

type cgroup struct {
	path string
	fd   int // of its directory
	// killed is set once it was killed as a whole. Kernels that compare the number of kills of the parent's cgroup with that of
	// the child's (6.18 does) kill whatever is later cloned into it, so it is not used again.
	killed bool
}

// FindCgroup gives the directory of our own cgroup if the service manager has made it ours to divide (Delegate=yes) and the
// kernel can kill a cgroup as a whole (5.14 on); else an empty string.
func FindCgroup() string {
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(self)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
			dir := filepath.Join(root, path)
			if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err == nil && delegated(dir) {
				return dir
			}
		}
	}
	return ""
}

// delegated looks for systemd's mark.
func delegated(dir string) bool {
	var buf [8]byte
	for _, attr := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, attr, buf[:]); err == nil && string(buf[:n]) == "1" {
			return true
		}
	}
	return false
}

// newCgroups uses a directory below dir, which must be in a cgroup2 hierarchy.
func newCgroups(dir string) (*cgroups, error) {
	sweepStale(dir)
	g := &cgroups{dir: filepath.Join(dir, fmt.Sprintf("scripts-%d", os.Getpid()))}
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	if _, err := os.Stat(filepath.Join(g.dir, "cgroup.kill")); err != nil {
		_ = os.Remove(g.dir)
		return nil, fmt.Errorf("cgroup can't be killed as a whole: %w", err)
	}
	return g, nil
}

// sweepStale ends what the scripts of former processes have left in their cgroups, and removes those. Without cgroups it is
// only the scripts themselves that are told to end when we crash, not what they started.
func sweepStale(dir string) {
	stale, _ := filepath.Glob(filepath.Join(dir, "scripts-*"))
	for _, path := range stale {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(path), "scripts-%d", &pid); err != nil || unix.Kill(pid, 0) == nil {
			continue // alive: perhaps another instance of ours
		}
		_ = os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0)
		below, _ := filepath.Glob(filepath.Join(path, "[0-9]*"))
		for _, p := range append(below, path) {
			(&cgroup{path: p}).remove()
		}
	}
}

// acquire gives an empty cgroup; nil when none can be had, then the script does without.
func (g *cgroups) acquire() *cgroup {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.free) == 0 {
		g.sweep()
	}
	if n := len(g.free); n > 0 {
		c := g.free[n-1]
		g.free = g.free[:n-1]
		return c
	}
	g.made++
	path := filepath.Join(g.dir, fmt.Sprint(g.made))
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil
	}
	fd, err := unix.Open(path, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = os.Remove(path)
		return nil
	}
	return &cgroup{path: path, fd: fd}
}

// sweep finds out which of the busy ones have become free.
func (g *cgroups) sweep() {
	busy := g.busy[:0]
	for _, c := range g.busy {
		switch {
		case !c.empty():
			busy = append(busy, c)
		case c.killed:
			unix.Close(c.fd)
			_ = os.Remove(c.path)
		default:
			g.free = append(g.free, c)
		}
	}
	g.busy = busy
}

func (g *cgroups) release(c *cgroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !c.killed && c.empty() {
		g.free = append(g.free, c)
	} else {
		g.busy = append(g.busy, c)
	}
}

// close kills and removes everything.
func (g *cgroups) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0)
	for _, c := range append(g.free, g.busy...) {
		unix.Close(c.fd)
		c.remove()
	}
	(&cgroup{path: g.dir}).remove()
}

// remove waits a little for the kernel to see that nothing runs in it any more.
func (c *cgroup) remove() {
	for range 50 {
		if err := unix.Rmdir(c.path); !errors.Is(err, unix.EBUSY) {
			return
		}
		_, _ = unix.Poll(nil, 2)
	}
}

func (c *cgroup) empty() bool {
	b, err := os.ReadFile(filepath.Join(c.path, "cgroup.events"))
	return err == nil && bytes.Contains(b, []byte("populated 0"))
}

func (c *cgroup) kill() {
	c.killed = true
	_ = os.WriteFile(filepath.Join(c.path, "cgroup.kill"), []byte("1"), 0)
}
