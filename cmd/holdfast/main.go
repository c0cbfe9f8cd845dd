// Command holdfast is the daemon, and everything that one can ask it on a command line. Called as keepalived it takes
// keepalived's options and behaves like it from outside.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast.dev/notify/script"
	"holdfast.dev/supervisor"
)

// The supervisor starts its roles from the main thread, which ends last: a role is told to end when the thread that
// started it does. A SIGHUP that comes before anybody listens is meant for a daemon that has read its configuration (cli.tsv).
func init() {
	runtime.LockOSThread()
	if len(os.Args) < 2 || os.Args[1] == "" || os.Args[1][0] == '-' || os.Getenv("HOLDFAST_ROLE") != "" {
		signal.Ignore(syscall.SIGHUP)
	}
}

func main() { os.Exit(run()) }

func run() int {
	if os.Args[0] == launcherName {
		return complain(script.RunLauncher())
	}
	if code, ok := supervisor.RunRole(mains()); ok {
		return code
	}
	called := filepath.Base(os.Args[0])
	if called == "genhash" {
		return digest(called, os.Args[1:], os.Stdout, os.Stderr)
	}
	if len(os.Args) > 1 && (os.Args[1] == "-T" || os.Args[1] == "--genhash") {
		return digest(called+" "+os.Args[1], os.Args[2:], os.Stdout, os.Stderr)
	}
	if called != "keepalived" {
		called = "holdfast"
		if code, ok := subcommand(os.Args[1:]); ok {
			return code
		}
	}
	return daemon(called)
}

// subcommand runs what is asked for by a word in the first place; ok is false for everything else, which is the daemon.
func subcommand(args []string) (code int, ok bool) {
	root := &cobra.Command{Use: "holdfast", Short: "keeps a service address alive", SilenceUsage: true}
	root.AddCommand(subcommands()...)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	if len(args) == 0 {
		return 0, false
	}
	for _, c := range root.Commands() {
		// The shell's completion asks by words of cobra's own, which make their command only then.
		if c.Name() == args[0] || args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd {
			if root.Execute() != nil {
				return 1, true
			}
			return 0, true
		}
	}
	return 0, false
}

// subcommands are the things that one can ask for besides the daemon.
func subcommands() []*cobra.Command {
	return append([]*cobra.Command{statusCommand(), eventsCommand(), sweepCommand(), genhashCommand(), demoCommand()}, configCommands()...)
}

// daemon runs what the options ask for.
func daemon(called string) int {
	f, err := parse(called, os.Args, os.Stdout, os.Stderr)
	if err != nil {
		return 1
	}
	if f.done {
		return 0
	}
	if f.test {
		return test(f)
	}
	h := hooks(f)
	if err := supervisor.EnterNamespace(supervisor.Namespace(&f.opt, &h)); err != nil {
		return complain(err)
	}
	f.opt.Unprivileged, f.opt.WindowGID, f.opt.Window = unprivileged(), windowGroup(), !f.mute
	report := func(int) {}
	if !f.opt.Foreground {
		code, done, tell, err := supervisor.Daemonise()
		if err != nil {
			return complain(err)
		}
		if done {
			return code
		}
		report = tell
	}
	code := supervisor.New(f.opt, h).Run(func() { report(0) })
	report(code)
	return code
}

func complain(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "holdfast:", err)
	return 1
}
