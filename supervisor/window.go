package supervisor

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/shm"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// window is the socket on which the daemon can be asked how it is. The aux role answers; the socket is made here, beside the pid file, and
// outlives that process. Whoever holds the pid file's lock is alone with that name, so what stands there is of a daemon that was killed.
type window struct {
	path     string
	listener *os.File
	dev, ino uint64 // of the socket in the file system
}

// windowBacklog is how many connections may wait to be accepted.
const windowBacklog = 16

// Socket is the name of the socket of a daemon: one per pid file.
func Socket(pidFile string) string {
	if filepath.Ext(pidFile) == ".pid" {
		pidFile = pidFile[:len(pidFile)-len(".pid")]
	}
	return pidFile + ".sock"
}

// SocketOf is the socket of the daemon that these options mean, as far as they say; the configuration may name another place for it.
func SocketOf(o Options, h Hooks) string {
	res := h.Load(true)
	if res.Config == nil {
		return Socket(or(o.PIDFile, filepath.Join(or(o.RunDir, "/run"), "keepalived.pid")))
	}
	return Socket(o.paths(&res.Config.Process).pid)
}

// openWindow makes the socket. A daemon without one does everything else all the same.
func (s *Supervisor) openWindow() {
	if !s.opt.Window {
		return
	}
	w, err := listenAt(Socket(s.paths.pid), s.opt.WindowGID)
	if err != nil {
		s.say(logs.Err, "nobody can ask this daemon how it is: %v", err)
		return
	}
	s.window = w
}

// listenAt makes a socket that root and a group may connect to. It is made under another name and then renamed, so that nobody gets in
// before it is what it shall be, and what stood there before is not removed unless it is a socket.
func listenAt(path string, gid int) (*window, error) {
	dir, err := os.OpenFile(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	base := filepath.Base(path)
	var st unix.Stat_t
	switch err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); {
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return nil, fmt.Errorf("%s is there and is no socket", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	w := &window{path: path, listener: os.NewFile(uintptr(fd), base)}
	temp := "." + rand.Text()
	if err = w.bind(dir, temp, gid); err == nil {
		err = unix.Renameat(int(dir.Fd()), temp, int(dir.Fd()), base)
	}
	if err != nil {
		_ = unix.Unlinkat(int(dir.Fd()), temp, 0)
		w.listener.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// bind gives the socket a name. The folder's descriptor stands in for its name, which may be longer than the kernel takes.
func (w *window) bind(dir *os.File, name string, gid int) error {
	fd, at := int(w.listener.Fd()), int(dir.Fd())
	if err := unix.Fchmod(fd, 0); err != nil { // for nobody at first: the name gets this mode
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", at, name)}); err != nil {
		return err
	}
	if gid > 0 {
		if err := unix.Fchownat(at, name, -1, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if err := unix.Fchmodat(at, name, 0o660, 0); err != nil {
		return err
	}
	if err := unix.Listen(fd, windowBacklog); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	w.dev, w.ino = uint64(st.Dev), st.Ino
	return unix.SetNonblock(fd, true) // File.Fd has made it a blocking one
}

// close removes the socket, if it is still ours.
func (w *window) close() {
	if w == nil {
		return
	}
	w.listener.Close()
	var st unix.Stat_t
	if unix.Lstat(w.path, &st) == nil && uint64(st.Dev) == w.dev && st.Ino == w.ino {
		_ = os.Remove(w.path)
	}
}

// newRuns makes the memory in which the runner shows what becomes of scripts.
func newRuns() (*os.File, *status.Runs, error) {
	f, err := role.MemFile("holdfast-scripts")
	if err != nil {
		return nil, nil, err
	}
	err = f.Truncate(status.RunsSize)
	var runs *status.Runs
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	}
	if err == nil {
		var mem []byte
		if mem, err = shm.Map(f, status.RunsSize); err == nil {
			runs, err = status.OpenRuns(mem)
		}
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("memory for scripts: %w", err)
	}
	return f, runs, nil
}

// showWindow gives an aux process what it answers from. It may read the memories and not write to them.
func (s *Supervisor) showWindow(c *child) {
	if c.name != role.Aux || s.window == nil {
		return
	}
	files := []*os.File{nil, nil, s.window.listener}
	for i, memory := range []*os.File{s.children[role.VRRP].page.file, s.children[role.Runner].runs} {
		f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", memory.Fd()))
		if err != nil {
			s.say(logs.Err, "nobody can ask this daemon how it is: %v", err)
			return
		}
		defer f.Close()
		files[i] = f
	}
	s.send(c, role.Msg{Window: &role.Window{Version: "holdfast " + s.opt.Version}}, files...)
}
