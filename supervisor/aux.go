package supervisor

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// What the aux role can't do for itself, because it is not allowed to.

// processEvents asks the kernel to tell of processes, for an aux role that is to count some; nil where it does not.
func (s *Supervisor) processEvents(c *child, cfg *config.Config) *os.File {
	if c.name != role.Aux || len(cfg.Processes) == 0 || s.hooks.Events == nil {
		return nil
	}
	f, err := s.hooks.Events(cfg)
	if err != nil {
		s.say(logs.Info, "Processes are looked at once a second: %v", err)
		return nil
	}
	return f
}

// maxOpening is how many files may be on their way at a time: each that a file system holds up costs a thread.
const maxOpening = 64

// openFor opens a tracked file for a role that may not. Only files that a configuration names are opened.
func (s *Supervisor) openFor(c *child, name string) {
	path := trackedPath(s.cfg, name)
	if s.change != nil && path == "" {
		path = trackedPath(s.change.cfg, name)
	}
	switch {
	case path == "":
		s.send(c, role.Msg{Opened: &role.Opened{File: name, Err: "there is no such track_file"}})
		return
	case s.opening[name]:
		return // its answer will come
	case len(s.opening) >= maxOpening:
		s.send(c, role.Msg{Opened: &role.Opened{File: name, Err: "too many files take their time to be opened"}})
		return
	}
	if s.opening == nil {
		s.opening = map[string]bool{}
	}
	s.opening[name] = true
	conn := c.conn
	go func() {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		s.post(func() {
			delete(s.opening, name)
			if c.conn == conn && c.proc != nil {
				s.opened(c, name, f, err)
			}
		})
		if f != nil {
			s.post(func() { f.Close() })
		}
	}()
}

func (s *Supervisor) opened(c *child, name string, f *os.File, err error) {
	answer := role.Opened{File: name}
	if err != nil {
		answer.Err = err.Error()
		s.send(c, role.Msg{Opened: &answer})
		return
	}
	s.send(c, role.Msg{Opened: &answer}, f)
}

func trackedPath(cfg *config.Config, name string) string {
	if cfg == nil {
		return ""
	}
	for i := range cfg.Files {
		if cfg.Files[i].Name == name {
			return cfg.Files[i].Path
		}
	}
	return ""
}

// initFiles makes tracked files with the number that they are to begin with (init_file): at the start of the daemon and never again. It
// writes through no link, and into nothing but a regular file.
func (s *Supervisor) initFiles(cfg *config.Config) {
	for i := range cfg.Files {
		f := &cfg.Files[i]
		if f.Init == nil {
			continue
		}
		if err := initFile(f.Path, *f.Init, f.Overwrite); err != nil {
			s.say(logs.Err, "track_file %s: init_file: %v", f.Name, err)
		}
	}
}

func initFile(path string, value int, overwrite bool) error {
	const mode = os.O_WRONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(path, mode|os.O_CREATE|os.O_EXCL, 0o666) // less the umask
	if os.IsExist(err) {
		if !overwrite {
			return nil
		}
		f, err = os.OpenFile(path, mode, 0)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return err
	} else if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d\n", value)
	return err
}
