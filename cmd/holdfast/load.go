package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/files"
	"holdfast.dev/supervisor"
	"holdfast.dev/supervisor/machine"
)

// load reads the configuration. With blind nothing is known about interfaces.
func (f *flags) load(blind bool) config.Result {
	env := machine.Env()
	env.Expand.ConfigID, env.Expand.Checks = f.id, f.checks
	env.Test, env.Strict, env.Merge = f.test, f.strict, !blind && !f.test
	if blind {
		env.Interface = nil
	} else if f.test {
		env.Host = machine.Host
	}
	return config.Load(files.OS{}, f.opt.ConfigFile, env)
}

// test is -t: it prints the findings and gives keepalived's exit code.
func test(f *flags) int {
	lessGarbage()
	out := f.err
	if f.out != "" {
		const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
		file, err := os.OpenFile(f.out, flags, 0o644)
		if err != nil {
			fmt.Fprintf(f.err, "Unable to open config-test log file: %v\n", err)
			return 1
		}
		defer file.Close()
		out = file
	}
	res, outside := f.inside()
	show(out, res.Diags, f.called == "keepalived")
	if outside != nil {
		fmt.Fprintf(out, "%v: its interfaces are not known; the status is 0, as keepalived's (holdfast check has one of its own)\n", outside)
		return 0
	}
	return res.Diags.ExitCode()
}

// inside loads the configuration in the namespace that the command line or the file names: a second time only where the file
// names one. outside says why that can't be entered; nothing is known of its interfaces then.
func (f *flags) inside() (res config.Result, outside error) {
	name := f.opt.Namespace
	if name == "" {
		res = f.load(false)
		name = res.Namespace
	}
	outside = supervisor.EnterNamespace(name)
	if outside != nil || f.opt.Namespace != "" {
		res = f.load(outside != nil)
	}
	return res, outside
}

// lessGarbage is for what reads a configuration and ends: memory is cheaper than time then.
func lessGarbage() { debug.SetGCPercent(400) }

// show prints findings: as keepalived does, or with all that is known about them.
func show(out io.Writer, ds *diag.List, plain bool) {
	for _, d := range ds.Sorted() {
		if !plain {
			fmt.Fprint(out, d.Render())
		} else if d.Class != diag.OK || d.Severity == diag.Fatal {
			fmt.Fprintln(out, d.Keepalived())
		}
	}
	if n := ds.Lost(); n > 0 {
		fmt.Fprintf(out, "and %d more\n", n)
	}
}
