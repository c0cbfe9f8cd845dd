package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"holdfast.dev/supervisor"
	"holdfast.dev/supervisor/leftover"
)

// sweepCommand takes the daemon's options, so that it means the same files: holdfast sweep -f FILE -p FILE.
func sweepCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sweep [OPTION...]",
		Short: "remove the addresses that a killed daemon has left behind",
		Long: "Removes what the state file of a daemon that was killed, and the current configuration, name, and nothing else.\n" +
			"Takes the daemon's options (-f, -p, -s, -i and so on) to find both. Does nothing while the daemon runs.",
		DisableFlagParsing: true,
		SilenceErrors:      true,
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := parse("holdfast", append([]string{"holdfast sweep"}, args...), os.Stdout, os.Stderr)
			if err != nil || f.done {
				return err
			}
			h := hooks(f)
			if err := supervisor.EnterNamespace(supervisor.Namespace(&f.opt, &h)); err != nil {
				complain(err)
				return err
			}
			removed, err := supervisor.SweepAlone(f.opt, h)
			if len(removed) > 0 {
				fmt.Println("removed:", supervisor.Removed(removed))
			}
			complain(err)
			return err
		},
	}
}

// hooks are what the supervisor needs from the rest of the program.
func hooks(f *flags) supervisor.Hooks {
	return supervisor.Hooks{
		Load: f.load, Mains: mains(), Events: processEvents,
		Record: leftover.Record, Drop: leftover.Drop, Sweep: leftover.Sweep, Forget: leftover.Forget,
		Program: runProgram, Firewall: chooseFirewall,
	}
}
