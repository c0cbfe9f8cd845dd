package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"holdfast.dev/config/expand"
	"holdfast.dev/internal/getopt"
	"holdfast.dev/internal/syslog"
	"holdfast.dev/supervisor"
)

// defaultConfig is where keepalived looks when nothing else is said.
const defaultConfig = "/etc/keepalived/keepalived.conf"

// flags is the command line as it was understood.
type flags struct {
	opt    supervisor.Options
	id     string // -i
	checks expand.Checks
	strict bool
	mute   bool   // --no-window
	test   bool   // -t
	out    string // file for the findings of -t; empty for stderr
	done   bool   // everything that was asked for has been printed
	err    io.Writer
	called string
}

// errUsage is returned after the mistakes have been printed.
var errUsage = errors.New("bad command line")

// option is one row of cli.tsv. Without a set function the option is refused by name.
type option struct {
	getopt.Option
	param string // name of the argument in the usage
	help  string
	set   func(f *flags, value string, given bool) error
}

// parse reads the command line; args begins with the program's name.
func parse(called string, args []string, stdout, stderr io.Writer) (*flags, error) {
	f := &flags{called: called, err: stderr}
	f.opt = supervisor.Options{
		Called: called, Args: args, Version: version(), ConfigFile: defaultConfig,
		Umask: -1, Facility: syslog.Daemon, Reap: true,
	}
	list := make([]getopt.Option, len(options))
	for i := range options {
		list[i] = options[i].Option
	}
	found, other, mistakes := getopt.Parse(args[1:], list)
	for _, o := range found {
		if f.done {
			return f, nil // -v and -h end at once
		}
		if err := f.apply(&options[o.Index], o); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	for _, m := range mistakes {
		fmt.Fprintln(stderr, m)
	}
	if len(mistakes) > 0 {
		return nil, errUsage
	}
	if len(other) > 0 {
		fmt.Fprintf(stdout, "Unexpected argument(s): %s \n", strings.Join(other, " "))
	}
	return f, f.finish()
}

func (f *flags) apply(o *option, found getopt.Found) error {
	if o.set == nil {
		name := "--" + o.Long
		if o.Long == "" {
			name = "-" + string(rune(o.Short))
		}
		if refused(o) {
			return fmt.Errorf("%s is an option of keepalived's that does not exist here: %s", name, o.help)
		}
		return fmt.Errorf("%s is an option of keepalived's that is not built yet: %s", name, o.help)
	}
	return o.set(f, found.Value, found.Given)
}

// refused reports whether an option will never be built.
func refused(o *option) bool {
	return slices.ContainsFunc(refusedOptions(), func(r option) bool { return r.Long == o.Long })
}

// finish works out what follows from the options together.
func (f *flags) finish() error {
	if f.opt.Single {
		f.opt.Reap = false
		f.opt.Foreground = true
	}
	if f.test {
		return nil
	}
	if !f.opt.Foreground { // a daemon lives in /
		for _, p := range []*string{&f.opt.ConfigFile, &f.opt.PIDFile, &f.opt.VRRPPID, &f.opt.LogFile, &f.opt.Trace} {
			if *p == "" {
				continue
			}
			abs, err := filepath.Abs(*p)
			if err != nil {
				fmt.Fprintln(f.err, err)
				return errUsage
			}
			*p = abs
		}
	}
	return nil
}

// setUmask reads a C number. A bad one is told and ignored, as keepalived does.
func setUmask(f *flags, value string, _ bool) error {
	n, err := strconv.ParseUint(value, 0, 32)
	if err != nil || n > 0o777 || strings.ContainsAny(value, "_bBoO") {
		fmt.Fprintf(f.err, "Invalid --umask option %s\n", value)
		return nil
	}
	f.opt.Umask = int(n)
	return nil
}

// setFacility reads a syslog facility. A bad one is told and ignored, as keepalived does.
func setFacility(f *flags, value string, _ bool) error {
	facility, err := syslog.ParseFacility(value)
	if err != nil {
		fmt.Fprintln(f.err, err)
		return nil
	}
	f.opt.Facility = facility
	return nil
}

func setLogFile(f *flags, value string, _ bool) error {
	f.opt.LogFile = value
	if value == "" {
		f.opt.LogFile = filepath.Join(tmpDir(), "keepalived.log")
	}
	return nil
}

func tmpDir() string {
	if dir := os.Getenv("TMPDIR"); filepath.IsAbs(dir) {
		return dir
	}
	return "/tmp"
}

func setSignum(f *flags, value string, _ bool) error {
	n, err := supervisor.SignalNumber(value)
	if err != nil {
		return err
	}
	fmt.Println(n)
	f.done = true
	return nil
}

func setVersion(f *flags, _ string, _ bool) error {
	f.done = true
	fmt.Fprint(f.err, versionText(f.called))
	return nil
}

func setHelp(f *flags, _ string, _ bool) error {
	f.done = true
	fmt.Fprint(f.err, usage(f.called))
	return nil
}
