package supervisor

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// Named pipes for events are made and opened here: the runner may neither make files in other people's folders nor give them away.

// keptPipe is a pipe that we hold open.
type keptPipe struct {
	file *os.File // nil when it was left to the runner
	made inode    // if we made it
}

// inode tells a file from another of the same name.
type inode struct{ dev, ino uint64 }

// pipeFor opens a named pipe for the runner. Only pipes that a configuration names are opened. A folder may hang; nobody waits for it.
func (s *Supervisor) pipeFor(c *child, path string) {
	f := fifoAt(s.cfg, path)
	if f == nil && s.change != nil {
		f = fifoAt(s.change.cfg, path)
	}
	if f == nil {
		s.send(c, role.Msg{Opened: &role.Opened{Pipe: path, Err: "no configuration names it"}})
		return
	}
	key := "pipe " + path
	if s.opening[key] {
		return // its answer will come
	}
	if s.opening == nil {
		s.opening = map[string]bool{}
	}
	s.opening[key] = true
	conn := c.conn
	go func() {
		file, made, err := openPipe(f.Path, int(f.User.UID), int(f.User.GID))
		s.post(func() {
			delete(s.opening, key)
			s.pipeOpened(c, conn, path, file, made, err)
		})
	}()
}

func (s *Supervisor) pipeOpened(c *child, asked *role.Conn, path string, file *os.File, made inode, err error) {
	if err == nil {
		s.keepPipe(path, file, made)
	}
	switch {
	case c.proc == nil:
	case c.conn != asked: // another process, which has asked in vain
		s.pipeFor(c, path)
	case err != nil:
		s.send(c, role.Msg{Opened: &role.Opened{Pipe: path, Err: err.Error()}})
	default:
		s.send(c, role.Msg{Opened: &role.Opened{Pipe: path}}, file)
	}
	if s.stopping {
		s.letPipesGo()
	}
}

// keepPipe keeps a pipe open as long as a runner is there or may come, so that a reader does not find the end of the file, nor lose what is
// in it, when a runner dies.
func (s *Supervisor) keepPipe(path string, file *os.File, made inode) {
	if s.pipes == nil {
		s.pipes = map[string]keptPipe{}
	}
	kept := s.pipes[path]
	if kept.file != nil {
		kept.file.Close()
	}
	kept.file = file
	if made != (inode{}) {
		kept.made = made
	}
	s.pipes[path] = kept
}

// letPipesGo leaves the pipes to the runner, which closes them when all is said.
func (s *Supervisor) letPipesGo() {
	for path, kept := range s.pipes {
		if kept.file != nil {
			kept.file.Close()
		}
		kept.file = nil
		s.pipes[path] = kept
	}
}

// dropPipes closes the pipes that a configuration (nil for the end of the daemon) does not name, and removes those that we made.
func (s *Supervisor) dropPipes(cfg *config.Config) {
	made := map[string]inode{}
	for path, kept := range s.pipes {
		if fifoAt(cfg, path) != nil {
			continue
		}
		delete(s.pipes, path)
		if kept.file != nil {
			kept.file.Close()
		}
		if kept.made != (inode{}) {
			made[path] = kept.made
		}
	}
	if len(made) == 0 {
		return
	}
	remove := func() (err error) {
		for path, is := range made {
			err = errors.Join(err, removePipe(path, is))
		}
		return err
	}
	if cfg != nil {
		s.later("the removal of a named pipe", remove)
		return
	}
	done := make(chan error, 1)
	go func() { done <- remove() }()
	select {
	case err := <-done:
		s.troubles(err)
	case <-time.After(pipesGone):
		s.say(logs.Warning, "Named pipes are left behind: their file system does not answer")
	}
}

// pipesGone is how long the end of the daemon waits for pipes to be removed.
const pipesGone = time.Second

func fifoAt(cfg *config.Config, path string) *config.FIFO {
	if cfg == nil {
		return nil
	}
	for _, f := range []*config.FIFO{cfg.Global.FIFO.All, cfg.Global.FIFO.VRRP} {
		if f != nil && f.Path == path {
			return f
		}
	}
	return nil
}

// openPipe opens a named pipe for writing, without waiting for a reader and through no symbolic link at its end. One that is not there is
// made, readable by all and writable by uid as far as the umask lets it; made then tells which file that is. One that is there must belong to us or to uid.
func openPipe(path string, uid, gid int) (f *os.File, made inode, err error) {
	fail := func(err error) (*os.File, inode, error) {
		return nil, made, &os.PathError{Op: "named pipe", Path: path, Err: err}
	}
	err = unix.Mkfifo(path, 0o644)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fail(err)
	}
	is := err == nil
	// Looked at before it is opened: to open a device may do something.
	look, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	defer unix.Close(look)
	var st unix.Stat_t
	if err := unix.Fstat(look, &st); err != nil {
		return fail(err)
	}
	owner := int(st.Uid)
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return fail(errors.New("it is a symbolic link"))
	case st.Mode&unix.S_IFMT != unix.S_IFIFO:
		return fail(errors.New("it is something else"))
	case owner != os.Geteuid() && (is || owner != uid):
		return fail(fmt.Errorf("it belongs to user %d", owner))
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", look), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	f = os.NewFile(uintptr(fd), path)
	if !is {
		return f, made, nil
	}
	made = inode{st.Dev, st.Ino}
	err = unix.Fchown(fd, uid, gid)
	if uid == os.Geteuid() && gid == os.Getegid() {
		err = nil // it is so already
	}
	if err != nil {
		f.Close()
		_ = removePipe(path, made)
		made = inode{}
		return fail(err)
	}
	return f, made, nil
}

// removePipe removes a pipe that we made, if it is still that one.
func removePipe(path string, made inode) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil // it is gone
	}
	if (inode{st.Dev, st.Ino}) != made {
		return nil
	}
	return os.Remove(path)
}
