package supervisor

import (
	"errors"
	"fmt"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/pidfile"
)

// ErrDaemonRuns is returned by SweepAlone beside a daemon.
var ErrDaemonRuns = errors.New("the daemon is running: nothing was removed")

// SweepAlone removes what a killed daemon has left behind, unless one is running. It holds the daemon's lock meanwhile. A
// configuration that can't be read leaves what the state file names.
func SweepAlone(opt Options, hooks Hooks) error {
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
		return ErrDaemonRuns
	}
	if err != nil {
		return err
	}
	defer lock.Remove()
	if stale, err := pidfile.Create(p.vrrp); err == nil {
		stale.Remove()
	}
	if res.Config != nil {
		opt.choose(&hooks, res.Config)
	}
	if err := hooks.Sweep(p.state, res.Config); err != nil {
		return err
	}
	if err := restoreIGMP(p.igmp); err != nil {
		return err
	}
	if res.Config == nil {
		why, _ := fatalReason(res.Diags)
		return fmt.Errorf("what the state file names is removed; what the configuration names is not known: %s", why)
	}
	return nil
}
