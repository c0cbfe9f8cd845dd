package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/internal/syslog"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/pidfile"
	"holdfast.dev/supervisor/role"
)

// logWait is how long one line may wait for room in the system log.
const logWait = 200 * time.Millisecond

// start does everything up to the first Prepare. When ok is false the daemon ends with code.
func (s *Supervisor) start(ready func()) (code int, ok bool) {
	s.umask(nil)
	if !s.opt.Single {
		keepFrom(launcherFD)
	}
	s.ident = idents[role.Supervisor]
	s.log = logs.New(s.logSettings())
	s.sd = newSystemd()
	s.greet()
	res := s.hooks.Load(false)
	s.tell(res.Diags)
	if why, code := s.acceptable(&res); why != "" {
		s.say(logs.Err, "The configuration can't be used: %s", why)
		s.sd.failed(code)
		return code, false
	}
	cfg := res.Config
	s.choose(cfg)
	s.umask(cfg)
	s.rename(cfg)
	if code, ok := s.lock(cfg); !ok {
		return code, false
	}
	cfg = s.withPeers(cfg)
	if err := s.adopt(cfg); err != nil {
		s.say(logs.Err, "%v", err)
		return role.ExitFatal, false
	}
	if s.hooks.Sweep != nil { // what an earlier daemon left that was killed
		removed, err := s.hooks.Sweep(s.paths.state, cfg)
		if len(removed) > 0 {
			s.say(logs.Warning, "removed what an earlier run has left: %s", Removed(removed))
		}
		if err != nil {
			s.say(logs.Warning, "leftovers: %v", err)
		}
	}
	if sign := s.reloadFile(cfg); sign != "" { // of an earlier daemon that was killed
		s.troubles(removeSign(sign))
	}
	if cfg.Global.Dirs.Temp != "" {
		s.say(logs.Info, "tmp_config_directory: nothing is written to %s, the configuration stays in memory", cfg.Global.Dirs.Temp)
	}
	s.quietIGMP(cfg)
	s.initFiles(cfg)
	ready()
	s.dump(cfg)
	if !s.runStart(cfg) {
		return 0, false
	}
	if !cfg.Parts.VRRP && !s.opt.All {
		s.say(logs.Info, "Warning - keepalived has no configuration to run")
	}
	s.saveText(&res)
	s.begin(cfg)
	return 0, true
}

func (s *Supervisor) logSettings() logs.Settings {
	set := logs.Settings{Detail: s.opt.Detail, Facility: s.opt.Facility, Wait: logWait, File: s.opt.LogFile}
	if !s.opt.NoSyslog {
		set.Syslog = or(s.opt.SyslogPath, syslog.Path)
	}
	if s.opt.Console && s.opt.Foreground {
		set.Console = os.Stderr
	}
	set.Fallback = s.opt.Console && !s.opt.Foreground
	return set
}

// greet writes the first lines of every log.
func (s *Supervisor) greet() {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	s.say(logs.Info, "Starting %s", s.opt.Title())
	s.say(logs.Info, "Running on %s %s %s", unix.ByteSliceToString(uts.Sysname[:]),
		unix.ByteSliceToString(uts.Release[:]), unix.ByteSliceToString(uts.Version[:]))
	s.say(logs.Info, "Command line: '%s'", strings.Join(s.opt.Args, "' '"))
	s.say(logs.Info, "Configuration file %s", s.opt.ConfigFile)
	if s.opt.LogFile != "" {
		if err := logs.CheckFile(s.opt.LogFile, s.ident); err != nil {
			s.say(logs.Err, "log file: %v", err)
		}
	}
}

// rename takes on the names that the configuration gives.
func (s *Supervisor) rename(cfg *config.Config) {
	if ident := s.opt.ident(role.Supervisor, &cfg.Process); ident != s.ident {
		s.say(logs.Info, "Changing syslog ident to %s", ident)
		s.ident = ident
	}
	if !s.opt.Single {
		_ = os.WriteFile("/proc/self/comm", []byte(s.opt.comm(role.Supervisor, cfg)), 0)
	}
}

// sweepTime is how long somebody is waited for who cleans up behind a daemon that died.
const sweepTime = 5 * time.Second

// claim creates the main pid file. One that is locked and has no number in it is held by what is left of a daemon that died, which cleans up and
// ends: who was started anew at once must not take that for a running daemon, and leave.
func claim(path string) (*pidfile.File, error) {
	for end := time.Now().Add(sweepTime); ; time.Sleep(5 * time.Millisecond) {
		f, err := pidfile.Create(path)
		if !errors.Is(err, pidfile.ErrRunning) || time.Now().After(end) {
			return f, err
		}
		if st, gone := os.Lstat(path); gone == nil && st.Size() > 0 {
			return nil, err
		}
	}
}

// lock creates the pid files. Another daemon that holds one is no error for keepalived, so it is none here.
func (s *Supervisor) lock(cfg *config.Config) (code int, ok bool) {
	s.paths = s.opt.paths(&cfg.Process)
	s.paths.makeDir()
	main, err := claim(s.paths.pid)
	if err == nil {
		s.pid = main
		if err := main.Write(os.Getpid()); err != nil { // the lock on it holds all the same, and an election is worth more than a number
			s.say(logs.Err, "%v", err)
		}
	}
	var vrrp *pidfile.File
	if err == nil {
		vrrp, err = pidfile.Create(s.paths.vrrp)
	}
	if errors.Is(err, pidfile.ErrRunning) {
		s.say(logs.Info, "daemon is already running")
		return 0, false
	}
	if err != nil {
		s.say(logs.Err, "%v", err)
		return role.ExitFatal, false
	}
	for _, name := range []role.Name{role.VRRP, role.Runner, role.Aux, role.Carrier} {
		c := &child{name: name, title: titles[name], ident: s.opt.ident(name, &cfg.Process)}
		s.children[name] = c
		s.order = append(s.order, c)
	}
	s.children[role.VRRP].pid = vrrp
	return 0, true
}

// adopt makes the process what a supervisor has to be.
func (s *Supervisor) adopt(cfg *config.Config) error {
	p, err := newPage()
	if err != nil {
		return err
	}
	s.children[role.VRRP].page = p
	r := s.children[role.Runner]
	if r.journal, err = role.MemFile("holdfast-journal"); err != nil {
		return err
	}
	if r.runs, r.shown, err = newRuns(); err != nil {
		return err
	}
	s.openWindow()
	for _, c := range s.order {
		if s.hooks.Mains[c.name] == nil && c.wanted(cfg, &s.opt) {
			return fmt.Errorf("the %s process is not built into this program", c.title)
		}
	}
	if s.opt.Reap {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			s.say(logs.Warning, "processes whose parents end can't be adopted: %v", err)
		}
	}
	if s.opt.Core {
		limit := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
		if err := unix.Setrlimit(unix.RLIMIT_CORE, &limit); err != nil {
			s.say(logs.Warning, "core dump limit: %v", err)
		}
	}
	s.setCorePattern()
	return nil
}

const corePattern = "/proc/sys/kernel/core_pattern"

// setCorePattern does what -M asks for, which finish undoes.
func (s *Supervisor) setCorePattern() {
	if s.opt.CorePath == "" {
		return
	}
	old, err := os.ReadFile(corePattern)
	if err == nil {
		err = os.WriteFile(corePattern, []byte(s.opt.CorePath), 0)
	}
	if err != nil {
		s.say(logs.Warning, "core dump pattern: %v", err)
		return
	}
	s.oldCore = old
}

// dump logs a configuration as it was understood (-d), but for passwords and keys.
func (s *Supervisor) dump(cfg *config.Config) {
	if !s.opt.DumpConf {
		return
	}
	text, err := json.MarshalIndent(cfg.WithoutSecrets(), "", "  ")
	if err != nil {
		s.say(logs.Err, "%v", err)
		return
	}
	for line := range strings.Lines(string(text)) {
		s.say(logs.Info, "%s", strings.TrimRight(line, "\n"))
	}
}

// finish leaves nothing behind. The last line is not for those who never started.
func (s *Supervisor) finish(started bool) {
	if s.prints != nil {
		close(s.prints)
	}
	s.dropPipes(nil)
	s.dropSockets(nil)
	if started {
		s.clean()
		s.runStop()
	}
	heard := make(chan struct{})
	go func() { s.listeners.Wait(); close(heard) }()
	select {
	case <-heard:
	case <-time.After(2 * lastWords):
	}
	s.loudIGMP()
	if s.oldCore != nil {
		_ = os.WriteFile(corePattern, s.oldCore, 0)
	}
	if s.file != nil {
		s.file.Close()
	}
	for _, c := range s.order {
		c.pid.Remove()
		for _, memory := range c.memory() {
			memory.Close()
		}
	}
	s.window.close()
	s.pid.Remove()
	if started {
		s.say(logs.Info, "CPU usage (self/children) user: %s", usage())
		s.say(logs.Info, "Stopped %s", s.opt.Title())
	}
	s.sd.close()
	s.log.Close(2 * time.Second)
}

// clean removes what the vrrp role could not, and the note of what that might be.
func (s *Supervisor) clean() {
	do, what := s.hooks.Forget, "the state file"
	if s.sweepDue && !s.opt.Keep && s.hooks.Sweep != nil {
		what = "what the VRRP process left in the kernel"
		do = func(path string) error {
			removed, err := s.hooks.Sweep(path, s.cfg)
			if len(removed) > 0 {
				s.say(logs.Info, "removed what the VRRP process has left: %s", Removed(removed))
			}
			return err
		}
	}
	if do == nil {
		return
	}
	if err := do(s.paths.state); err != nil {
		s.say(logs.Err, "%s could not be removed: %v", what, err)
	}
}

func usage() string {
	var self, kids unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &self)
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &kids)
	sec := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return fmt.Sprintf("%.6f/%.6f system: %.6f/%.6f", sec(self.Utime), sec(kids.Utime), sec(self.Stime), sec(kids.Stime))
}
