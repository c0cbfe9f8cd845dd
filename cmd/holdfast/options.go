package main

import (
	"errors"
	"fmt"
	"strings"

	"holdfast.dev/config/expand"
	"holdfast.dev/internal/getopt"
)

// flag makes the setter of an option without an argument.
func flag(to func(f *flags) *bool) func(*flags, string, bool) error {
	return func(f *flags, _ string, _ bool) error { *to(f) = true; return nil }
}

// text makes the setter of an option whose argument is taken as it is.
func text(to func(f *flags) *string) func(*flags, string, bool) error {
	return func(f *flags, value string, _ bool) error { *to(f) = value; return nil }
}

// nothing is the setter of options that ask for what is so anyway.
func nothing(*flags, string, bool) error { return nil }

func key(short byte, long string) getopt.Option { return getopt.Option{Short: short, Long: long} }

func keyArg(short byte, long string, arg getopt.Arg) getopt.Option {
	return getopt.Option{Short: short, Long: long, Arg: arg}
}

var options []option

// The table is filled here because some setters print it.
func init() {
	options = append(daemonOptions(), append(processOptions(), append(otherOptions(), refusedOptions()...)...)...)
}

// daemonOptions say what is run, and where it logs.
func daemonOptions() []option {
	return []option{
		{keyArg('f', "use-file", getopt.Required), "FILE", "configuration file or pattern; default " + defaultConfig, text(func(f *flags) *string { return &f.opt.ConfigFile })},
		{key('P', "vrrp"), "", "only VRRP: keywords of the health checkers are passed over", flag(func(f *flags) *bool { return &f.opt.OnlyVRRP })},
		{key('C', "check"), "", "only the health checkers", nil},
		{key('B', "no_bfd"), "", "without BFD: its keywords are passed over", flag(func(f *flags) *bool { return &f.opt.NoBFD })},
		{key(0, "all"), "", "start all processes even if the configuration does not need them", flag(func(f *flags) *bool { return &f.opt.All })},
		{key('l', "log-console"), "", "log to the console: with -n to stderr", flag(func(f *flags) *bool { return &f.opt.Console })},
		{key('D', "log-detail"), "", "detailed messages; twice for more", func(f *flags, _ string, _ bool) error { f.opt.Detail = min(f.opt.Detail+1, 2); return nil }},
		{keyArg('S', "log-facility", getopt.Required), "0-7|local0-7|user|daemon", "syslog facility; default daemon", setFacility},
		{keyArg('g', "log-file", getopt.Optional), "FILE", "log to files too; default $TMPDIR/keepalived.log", setLogFile},
		{key(0, "flush-log-file"), "", "flush log files after each line (always so)", nothing},
		{key('G', "no-syslog"), "", "do not log to the system log", flag(func(f *flags) *bool { return &f.opt.NoSyslog })},
		{keyArg('u', "umask", getopt.Required), "MASK", "umask for new files; default 0177", setUmask},
		{key('n', "dont-fork"), "", "stay in the foreground", flag(func(f *flags) *bool { return &f.opt.Foreground })},
		{key('d', "dump-conf"), "", "log the configuration as it was understood", flag(func(f *flags) *bool { return &f.opt.DumpConf })},
		{key('e', "all-config"), "", "every problem with an include is an error", func(f *flags, _ string, _ bool) error { f.checks = expand.CheckAll; return nil }},
		{keyArg('i', "config-id", getopt.Required), "ID", "id for @ID lines; default the node name up to its first dot", text(func(f *flags) *string { return &f.id })},
		{keyArg('t', "config-test", getopt.Optional), "FILE", "test the configuration; findings go to stderr or FILE", func(f *flags, v string, _ bool) error { f.test, f.out = true, v; return nil }},
		{keyArg(0, "trace", getopt.Required), "FILE", "holdfast: record all that the elections are told, to replay it", text(func(f *flags) *string { return &f.opt.Trace })},
		{key(0, "strict"), "", "holdfast: refuse a configuration with any error in it", flag(func(f *flags) *bool { return &f.strict })},
	}
}

// processOptions are about processes and what they leave behind.
func processOptions() []option {
	return []option{
		{key('X', "release-vips"), "", "remove addresses on leaving MASTER whoever added them (always so)", nothing},
		{key('V', "dont-release-vrrp"), "", "leave addresses where they are at exit", flag(func(f *flags) *bool { return &f.opt.Keep })},
		{key('I', "dont-release-ipvs"), "", "leave the IPVS configuration at exit (it is never touched)", nothing},
		{key('R', "dont-respawn"), "", "end when a process dies instead of starting it again", flag(func(f *flags) *bool { return &f.opt.NoRespawn })},
		{keyArg('p', "pid", getopt.Required), "FILE", "pid file", text(func(f *flags) *string { return &f.opt.PIDFile })},
		{keyArg('r', "vrrp_pid", getopt.Required), "FILE", "pid file of the VRRP process", text(func(f *flags) *string { return &f.opt.VRRPPID })},
		{keyArg('c', "checkers_pid", getopt.Required), "FILE", "pid file of the checker process (there is none, so no file either)", nothing},
		{keyArg('b', "bfd_pid", getopt.Required), "FILE", "pid file of the BFD process (there is none, so no file either)", nothing},
		{keyArg('s', "namespace", getopt.Required), "NAME", "run in this network namespace", text(func(f *flags) *string { return &f.opt.Namespace })},
		{key('m', "core-dump"), "", "core dumps without limit", flag(func(f *flags) *bool { return &f.opt.Core })},
		{keyArg('M', "core-dump-pattern", getopt.Optional), "PATTERN", "also set the system's core pattern while running; default core", func(f *flags, v string, _ bool) error {
			f.opt.Core, f.opt.CorePath = true, v
			if v == "" {
				f.opt.CorePath = "core"
			}
			return nil
		}},
		{keyArg(0, "signum", getopt.Required), "PURPOSE", "print the number of the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON, TDUMP or (holdfast) TRACE", setSignum},
		{key(0, "ignore-sigint"), "", "ignore SIGINT", flag(func(f *flags) *bool { return &f.opt.IgnoreINT })},
		{key(0, "single-process"), "", "holdfast: all in one process, for tests only", flag(func(f *flags) *bool { return &f.opt.Single })},
		{key(0, "no-window"), "", "holdfast: no socket for holdfast status and events", flag(func(f *flags) *bool { return &f.mute })},
		{key(0, "no-jail"), "", "holdfast: without seccomp and Landlock, should they ever be in the way", flag(func(f *flags) *bool { return &f.opt.Open })},
		{key('T', "genhash"), "", "print the digest of a page for a health check; must be first, what follows is for genhash", func(*flags, string, bool) error {
			return errors.New("--genhash must be the first option")
		}},
		{key('v', "version"), "", "print the version", setVersion},
		{key('h', "help"), "", "print this", setHelp},
	}
}

// otherOptions are keepalived's without a counterpart so far.
func otherOptions() []option {
	return []option{
		{key('a', "address-monitoring"), "", "log every address that comes or goes", nil},
		{key('x', "snmp"), "", "SNMP", nil},
		{keyArg('A', "snmp-agent-socket", getopt.Required), "SOCKET", "SNMP", nil},
	}
}

// refusedOptions are keepalived's that will never do anything here, with what to use instead. Debian's keepalived refuses all of them but --config-fd.
func refusedOptions() []option {
	return []option{
		{keyArg(0, "config-fd", getopt.Required), "FD", "keepalived gives this one to itself", nil},
		{keyArg(0, "perf", getopt.Optional), "", "perf record -p PID shows where a process spends its time, and holdfast events where the time of a transition went", nil},
		{keyArg(0, "debug", getopt.Optional), "", "-D -D says all there is to say, and --trace records all that the elections are told", nil},
		{key(0, "no-mem-check"), "", "there are no memory checks to switch off", nil},
		{key('L', "mem-check-log"), "", "memory is the runtime's affair", nil},
		{key('O', "openssl-mem-check"), "", "there is no OpenSSL in it", nil},
	}
}

// usage is what -h prints: the options that do something.
func usage(called string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s [OPTION...]\n", called)
	if called == "holdfast" {
		b.WriteString("       holdfast COMMAND ...        (see holdfast help)\n")
	}
	for i := range options {
		o := &options[i]
		if o.set == nil {
			continue
		}
		short := "    "
		if o.Short != 0 {
			short = fmt.Sprintf("-%c, ", o.Short)
		}
		long := "--" + o.Long
		switch o.Arg {
		case getopt.Required:
			long += "=" + o.param
		case getopt.Optional:
			long += "[=" + o.param + "]"
		}
		if len(long) > 24 {
			fmt.Fprintf(&b, "  %s%s\n%32s%s\n", short, long, "", o.help)
		} else {
			fmt.Fprintf(&b, "  %s%-26s%s\n", short, long, o.help)
		}
	}
	return b.String()
}
