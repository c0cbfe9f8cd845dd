package supervisor

import (
	"errors"
	"fmt"
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/pidfile"
	"holdfast.dev/supervisor/role"
)

// ErrDaemonRuns is returned by SweepAlone beside a daemon.
var ErrDaemonRuns = errors.New("the daemon is running: nothing was removed")

// SweepAlone removes what a killed daemon has left behind, unless one is running. It holds the daemon's lock meanwhile. A
// configuration that can't be read leaves what the state file names. It returns what was there.
func SweepAlone(opt Options, hooks Hooks) (removed []string, err error) {
	res := hooks.Load(false)
	process := config.Process{}
	if res.Config != nil {
		process = res.Config.Process
	} else if blind := hooks.Load(true); blind.Config != nil {
		res.Config, process = blind.Config, blind.Config.Process
	}
	p := opt.paths(&process)
	p.makeDir()
	lock, err := pidfile.Create(p.pid)
	if errors.Is(err, pidfile.ErrRunning) {
		return nil, ErrDaemonRuns
	}
	if err != nil {
		return nil, err
	}
	defer lock.Remove()
	if stale, err := pidfile.Create(p.vrrp); err == nil {
		stale.Remove()
	}
	if res.Config != nil {
		opt.choose(&hooks, res.Config)
	}
	if removed, err = hooks.Sweep(p.state, res.Config); err != nil {
		return removed, err
	}
	if err := restoreIGMP(p.igmp); err != nil {
		return removed, err
	}
	if res.Config == nil {
		why, _ := fatalReason(res.Diags)
		return removed, fmt.Errorf("what the state file names is removed; what the configuration names is not known: %s", why)
	}
	return removed, nil
}

// SweepBehind removes what a daemon has left that died, for a process of it that has not. A daemon that was started meanwhile has done so itself,
// and what is there by now is its own.
func SweepBehind(last role.Last, sweep func(path string, c *config.Config) ([]string, error)) (removed []string, err error) {
	lock, err := pidfile.Create(last.PID)
	if errors.Is(err, pidfile.ErrRunning) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer lock.Remove()
	return sweep(last.State, nil)
}

// Removed says what was removed, in a line that is not too long.
func Removed(names []string) string {
	const most = 20
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
