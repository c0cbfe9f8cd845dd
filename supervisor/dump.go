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
	what string // in keepalived's line about it
	name string // of the file, below the temporary directory
	at   string // configured path, empty for none
	text []byte
}

// print writes what a signal asks for (outputs.md sections 6 to 8, rule Q8). The files are written by another goroutine: a file system
// may hang.
func (s *Supervisor) print(sig syscall.Signal) {
	c := s.children[role.VRRP]
	if s.cfg == nil || c == nil || c.page == nil {
		s.say(logs.Warning, "Signal %d: there is nothing to print yet", int(sig))
		return
	}
	var pid int
	if c.proc != nil {
		pid = c.proc.pid()
	}
	snap := dump.Take(s.cfg, c.page.page, time.Local)
	dirs := &s.cfg.Global.Dirs
	var files []printed
	switch sig {
	case unix.SIGUSR1:
		s.say(logs.Info, "Printing parent data for process(%d) on signal", os.Getpid())
		files = append(files, printed{name: "keepalived_parent.data", text: dump.Global(s.cfg)},
			printed{what: "data", name: "keepalived.data", at: dirs.State, text: dump.Data(snap)})
	case unix.SIGUSR2, sigStatsClear:
		files = append(files, printed{what: "stats", name: "keepalived.stats", at: dirs.Stats, text: dump.Stats(snap)})
	case sigJSON:
		files = append(files, printed{what: "as json", name: "keepalived.json", at: dirs.JSON, text: dump.JSON(snap)})
	default:
		s.say(logs.Warning, "Signal %d: there is no scheduler of threads to tell of", int(sig))
		return
	}
	for i := range files {
		if f := &files[i]; f.what != "" {
			s.say(logs.Info, "Printing VRRP %s for process(%d) on signal", f.what, pid)
		}
	}
	if sig == sigStatsClear && c.proc != nil {
		_ = c.conn.Send(role.Msg{Signal: &role.Signal{Number: int(sig)}})
	}
	s.write(files)
}

// write has files written, one batch after the other.
func (s *Supervisor) write(files []printed) {
	dir, tag := tempDir(), ""
	if s.cfg.Global.Dirs.UseInstance {
		tag = instanceTag(s.opt.namespace(&s.cfg.Process), &s.cfg.Process)
	}
	before := s.printing
	done := make(chan struct{})
	s.printing = done
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		for i := range files {
			if f := &files[i]; f.text != nil {
				if err := replace(f.path(dir, tag), f.text); err != nil {
					s.post(func() { s.say(logs.Warning, "%v", err) })
				}
			}
		}
	}()
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

// replace writes a file at once: readers see the old one or the new one, whole. A link of that name is replaced, not followed.
func replace(path string, text []byte) error {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // cut by the umask
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}
