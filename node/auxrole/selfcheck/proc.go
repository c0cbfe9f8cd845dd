package selfcheck

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Reader reads what the kernel counts. It needs no privilege.
type Reader struct {
	root   string // in front of /proc and /sys, for tests
	pid    int
	cgroup string // folder of the process in /sys/fs/cgroup, empty for none
	buf    []byte
	known  map[int]seen // threads of the last reading
}

// notCounted is what a kernel says that does not count.
const notCounted = "0 0 0\n"

// seen is a thread as it was found, with what the kernel had counted of its running.
type seen struct {
	counts string
	thread Thread
}

// NewReader makes a Reader of the machine's /proc and /sys, or of those below root.
func NewReader(root string) *Reader { return &Reader{root: root, buf: make([]byte, maxFile)} }

// maxFile bounds what is read of a file, in octets: all of these are small.
const maxFile = 64 << 10

// read gives what is in a file. It does without package os, whose poller has no use for such files and costs more than reading them.
func (r *Reader) read(path string) (string, error) {
	fd, err := unix.Open(filepath.Join("/", r.root, path), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, r.buf)
	switch {
	case err != nil:
		return "", &fs.PathError{Op: "read", Path: path, Err: err}
	case n == 0:
		return "", io.EOF
	}
	return string(r.buf[:n]), nil
}

// Read takes a reading of the process with this number, 0 for none.
func (r *Reader) Read(at time.Duration, pid int) Reading {
	out := Reading{At: at, PID: pid, IO: r.pressure("io"), Memory: r.pressure("memory"), RTLimit: r.number("/proc/sys/kernel/sched_rt_runtime_us", -1)}
	if text, err := r.read("/proc/stat"); err == nil {
		out.Stolen, out.Ticks = stolen(text)
	}
	if pid == 0 {
		return out
	}
	if pid != r.pid {
		r.pid, r.cgroup, r.known = pid, r.group(pid), nil
	}
	if err := r.process(&out); err != nil {
		if errors.Is(err, fs.ErrNotExist) && r.gone("/proc/"+strconv.Itoa(pid)) {
			out.PID = 0 // it has just ended
		} else {
			out.Blind = err.Error()
		}
	}
	if r.cgroup != "" {
		if text, err := r.read(r.cgroup + "/cpu.stat"); err == nil {
			out.Throttled = time.Duration(field(text, "throttled_usec")) * time.Microsecond
		}
	}
	return out
}

func (r *Reader) gone(path string) bool {
	_, err := os.Stat(filepath.Join("/", r.root, path))
	return err != nil
}

// process reads what concerns the process alone.
func (r *Reader) process(out *Reading) error {
	dir := "/proc/" + strconv.Itoa(out.PID)
	text, err := r.read(dir + "/stat")
	if err != nil {
		return err
	}
	out.Faults = uint64(statField(text, 12))
	entries, err := os.ReadDir(filepath.Join("/", r.root, dir, "task"))
	if err != nil {
		return err
	}
	out.Threads = make(map[int]Thread, len(entries))
	known := make(map[int]seen, len(entries))
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := r.read(dir + "/task/" + e.Name() + "/schedstat")
		if errors.Is(err, fs.ErrPermission) {
			return err
		}
		if before, ok := r.known[id]; ok && before.counts == text && text != "" && text != notCounted {
			// It has not run, so it is where it was. Its state is what costs most to read, and most threads of a quiet daemon sleep.
			out.Threads[id], known[id] = before.thread, before
			continue
		}
		t, counts := Thread{}, text
		if f := strings.Fields(text); len(f) > 1 {
			ns, _ := strconv.ParseInt(f[1], 10, 64)
			t.Waited = time.Duration(ns)
		}
		if text, err = r.read(dir + "/task/" + e.Name() + "/stat"); err != nil {
			continue // it has ended
		}
		policy := statField(text, 41)
		t.RealTime = policy == 1 || policy == 2
		t.Blocked = statState(text) == "D"
		out.Threads[id], known[id] = t, seen{counts, t}
	}
	r.known = known
	return nil
}

// group finds the control group of a process, of version 2.
func (r *Reader) group(pid int) string {
	text, err := r.read("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && !strings.Contains(path, "..") {
			return filepath.Join("/sys/fs/cgroup", path)
		}
	}
	return ""
}

// pressure is the "some" of the last ten seconds; -1 where the kernel does not tell.
func (r *Reader) pressure(of string) float64 {
	text, err := r.read("/proc/pressure/" + of)
	if err != nil {
		return -1
	}
	for _, f := range strings.Fields(text) {
		if v, ok := strings.CutPrefix(f, "avg10="); ok {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return -1
			}
			return n
		}
	}
	return -1
}

func (r *Reader) number(path string, def int) int {
	text, err := r.read(path)
	if err != nil {
		return def
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return def
	}
	return n
}

// stolen reads the first line of /proc/stat: the eighth number is what others were given.
func stolen(text string) (stolen, all uint64) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0
	}
	for i, v := range f[1:9] {
		n, _ := strconv.ParseUint(v, 10, 64)
		all += n
		if i == 7 {
			stolen = n
		}
	}
	return stolen, all
}

// statFields are those of /proc/PID/stat from the third on. The second is a name in parentheses, in which anything may stand.
func statFields(text string) []string {
	i := strings.LastIndexByte(text, ')')
	return strings.Fields(text[i+1:])
}

// statField is the number with this place in /proc/PID/stat, counted from 1 as in proc(5); 0 where it is missing.
func statField(text string, place int) int64 {
	f := statFields(text)
	if len(f) < place-2 {
		return 0
	}
	n, _ := strconv.ParseInt(f[place-3], 10, 64)
	return n
}

func statState(text string) string {
	if f := statFields(text); len(f) > 0 {
		return f[0]
	}
	return ""
}

// field is the number behind a word at the beginning of a line.
func field(text, name string) int64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}
