package main

import (
	"os"

	"holdfast.dev/node"
	"holdfast.dev/notify"
	"holdfast.dev/notify/runner"
	"holdfast.dev/notify/script"
	"holdfast.dev/supervisor"
	"holdfast.dev/supervisor/machine"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

// launcherName is how the process that starts scripts is told apart, by what ps shows of it.
const launcherName = "holdfast-scripts"

// mains are the roles that are built in.
func mains() map[role.Name]supervisor.Main {
	return map[role.Name]supervisor.Main{role.VRRP: node.RunVRRP, role.Runner: runScripts}
}

// runScripts is the runner role.
func runScripts(ctl *role.Conn) error {
	return runner.Run(ctl, runner.Options{
		Specs:  readSpecs,
		Script: script.Options{Launcher: []string{launcherName}, Cgroup: script.FindCgroup()},
	})
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
