package main

import (
	"os"

	"holdfast.dev/config"
	"holdfast.dev/host/iptables"
	"holdfast.dev/node"
	"holdfast.dev/node/auxrole"
	"holdfast.dev/notify"
	"holdfast.dev/notify/runner"
	"holdfast.dev/notify/script"
	"holdfast.dev/supervisor"
	"holdfast.dev/supervisor/leftover"
	"holdfast.dev/supervisor/machine"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
	"holdfast.dev/track"
	"holdfast.dev/track/watch"
	"holdfast.dev/transport/carrier"
)

// launcherName is how the process that starts scripts is told apart, by what ps shows of it.
const launcherName = "holdfast-scripts"

// mains are the roles that are built in.
func mains() map[role.Name]supervisor.Main {
	return map[role.Name]supervisor.Main{role.VRRP: node.RunVRRP, role.Runner: runScripts, role.Aux: runAux, role.Carrier: runCarrier}
}

// runScripts is the runner role.
func runScripts(ctl *role.Conn) error {
	return unbound(func() error {
		return runner.Run(ctl, runner.Options{
			Specs:  readSpecs,
			Script: script.Options{Launcher: []string{launcherName}, Cgroup: script.FindCgroup()},
			Chains: iptables.NewKeeper(),
			Behind: func(last role.Last) ([]string, error) { return supervisor.SweepBehind(last, leftover.Sweep) },
		})
	})
}

// unbound calls f in a goroutine that is bound to no thread, as that of main is: there every message from one goroutine to another would
// be a change of threads, of which a script needs a dozen.
func unbound(f func() error) error {
	end := make(chan error)
	go func() { end <- f() }()
	return <-end
}

// runAux is the role for what needs no privilege.
func runAux(ctl *role.Conn) error {
	return unbound(func() error {
		return auxrole.Run(ctl, auxrole.Trackers, auxrole.Window, auxrole.Courier, auxrole.Names)
	})
}

// runCarrier is the role that carries adverts to peers.
func runCarrier(ctl *role.Conn) error {
	return unbound(func() error { return carrier.Run(ctl) })
}

// processEvents asks the kernel to tell of processes, with the receive buffer that the configuration wants.
func processEvents(c *config.Config) (*os.File, error) {
	m := &c.Global.VRRP.ProcessMonitor
	return watch.OpenEvents(int(m.Bytes), m.Force)
}

// unprivileged finds the account for what needs no privilege: one of our own if there is one. It is nil where we have none to give up.
func unprivileged() *sched.User {
	if os.Geteuid() != 0 {
		return nil
	}
	env := machine.Env()
	for _, name := range []string{"holdfast", "nobody"} {
		if uid, gid, ok := env.User(name); ok && uid != 0 {
			return &sched.User{UID: uid, GID: gid}
		}
	}
	const nobody = 65534
	return &sched.User{UID: nobody, GID: nobody}
}

// windowGroup is the group whose members may ask the daemon how it is; 0 where there is none, or where we could not give it anything.
func windowGroup() int {
	if os.Geteuid() != 0 {
		return 0
	}
	gid, ok := machine.Env().Group("holdfast")
	if !ok {
		return 0
	}
	return int(gid)
}

// readSpecs is what the runner has to know of a configuration.
func readSpecs(f *os.File, gen uint64) (*notify.Spec, []track.Spec, error) {
	c, err := role.ReadConfig(f)
	if err != nil {
		return nil, nil, err
	}
	groups := machine.Groups()
	spec := node.NotifySpec(c, gen, groups)
	return &spec, node.TrackSpecs(c, groups), nil
}
