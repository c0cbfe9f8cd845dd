package supervisor

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/status/dump"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// printed is a file that a signal asks for.
type printed struct {
	name string // of the file, below the temporary directory
	at   string // configured path, empty for none
	text func() []byte
}

// print writes what a signal asks for (outputs.md sections 6 to 8, rule Q8).
func (s *Supervisor) print(sig syscall.Signal) {
	c := s.children[role.VRRP]
	if s.cfg == nil || c.proc == nil {
		s.say(logs.Warning, "Signal %d: there is no VRRP process to answer it", int(sig))
		return
	}
	snap := dump.Take(s.cfg, c.page.page, s.children[role.Runner].shown, time.Local)
	dirs := &s.cfg.Global.Dirs
	var what string // in keepalived's words
	var files []printed
	switch sig {
	case unix.SIGUSR1:
		what = "data"
		files = []printed{
			{"keepalived_parent.data", "", func() []byte { return dump.Global(snap.Config) }},
			{"keepalived.data", dirs.State, func() []byte { return dump.Data(snap) }},
		}
		s.say(logs.Info, "Printing parent data for process(%d) on signal", os.Getpid())
	case unix.SIGUSR2, sigStatsClear:
		what = "stats"
		files = []printed{{"keepalived.stats", dirs.Stats, func() []byte { return dump.Stats(snap) }}}
	case sigJSON:
		what = "as json"
		files = []printed{{"keepalived.json", dirs.JSON, func() []byte { return dump.JSON(snap) }}}
	default:
		return
	}
	s.say(logs.Info, "Printing VRRP %s for process(%d) on signal", what, c.proc.pid())
	if sig == sigStatsClear {
		_ = c.conn.Send(role.Msg{Signal: &role.Signal{Number: int(sig)}})
	}
	s.write(files)
}

// maxPrinting is how many signals may wait for their files to be written.
const maxPrinting = 16

// write has files written by another goroutine, one signal's after the other: a file system may hang, and then no more are taken.
func (s *Supervisor) write(files []printed) {
	dir, tag := tempDir(), ""
	if s.cfg.Global.Dirs.UseInstance {
		tag = instanceTag(s.opt.namespace(&s.cfg.Process), &s.cfg.Process)
	}
	s.later(files[0].name, func() (err error) {
		for i := range files {
			if text := files[i].text(); text != nil {
				err = errors.Join(err, replace(files[i].path(dir, tag), text, 0o666)) // cut by the umask
			}
		}
		return err
	})
}

// later has something written by the goroutine that writes files; what names it.
func (s *Supervisor) later(what string, do func() error) {
	if s.prints == nil {
		s.prints = make(chan func() error, maxPrinting)
		go func() {
			for do := range s.prints {
				if err := do(); err != nil {
					s.post(func() { s.say(logs.Warning, "%v", err) })
				}
			}
		}()
	}
	select {
	case s.prints <- do:
	default:
		s.say(logs.Warning, "%s is not written: %d others wait for the file system", what, maxPrinting)
	}
}

// path is where the file goes: a configured path is relative to the temporary directory, and with a slash at its end a directory.
func (f *printed) path(dir, tag string) string {
	p := or(f.at, f.name)
	if strings.HasSuffix(p, "/") {
		p += f.name
	}
	if !filepath.IsAbs(p) {
		p = filepath.Join(dir, p)
	}
	ext := filepath.Ext(p)
	return strings.TrimSuffix(p, ext) + tag + ext
}

func tempDir() string {
	if dir := os.Getenv("TMPDIR"); filepath.IsAbs(dir) {
		return dir
	}
	return "/tmp"
}

// instanceTag is what data_use_instance puts before the last dot of a file's name.
func instanceTag(namespace string, p *config.Process) string {
	if namespace == "" && p.Instance == "" {
		return ""
	}
	return "." + namespace + "_" + p.Instance
}

// replace writes a file at once: readers see the old one or the new one, whole. A link of that name is replaced, not followed. The file is
// closed under its own name: there are readers that wait for just that (VyOS, by inotify).
func replace(path string, text []byte, mode os.FileMode) error {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return errors.Join(err, f.Close())
}
