package main

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/getopt"
)

// rows are those of a kind in the table of keepalived's command line: short and long name, argument, verdict.
func rows(t *testing.T, kind string) (out [][]string) {
	t.Helper()
	text, err := os.ReadFile("../../conformance/cli.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] == kind && f[1] != "(other)" {
			out = append(out, []string{strings.TrimPrefix(f[1], "-"), strings.TrimPrefix(f[2], "--"), f[3], f[6]})
		}
	}
	return out
}

func argKind(arg string) getopt.Arg {
	switch {
	case arg == "-":
		return getopt.None
	case strings.HasPrefix(arg, "["):
		return getopt.Optional
	}
	return getopt.Required
}

// good are arguments that options take.
var good = map[string]string{"log-facility": "local3", "umask": "022", "signum": "STOP"}

// TestOptionsOfTheTable goes through keepalived's options row by row: each has its names and its kind of argument, what is built changes what the
// daemon is told, and what is not is refused by name.
func TestOptionsOfTheTable(t *testing.T) {
	always := []string{"flush-log-file", "release-vips", "dont-release-ipvs", "checkers_pid", "bfd_pid", "signum", "version", "help", "genhash", "pid"}
	parsed := func(args ...string) (*flags, string, error) {
		var out, errs strings.Builder
		f, err := parse("keepalived", append([]string{"keepalived", "-n"}, args...), &out, &errs)
		return f, errs.String(), err
	}
	plain, _, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	all := rows(t, "option")
	if len(all) < 40 {
		t.Fatalf("only %d options", len(all))
	}
	for _, r := range all {
		short, long, arg, verdict := r[0], r[1], r[2], r[3]
		var o *option
		for i := range options {
			if options[i].Long == long {
				o = &options[i]
			}
		}
		if o == nil || o.Arg != argKind(arg) || short != "" && o.Short != short[0] || (o.set != nil) != (verdict == "built") {
			t.Errorf("--%s is %+v, in the table %q", long, o, r)
			continue
		}
		words := []string{"--" + long}
		if o.Arg == getopt.Required {
			words = append(words, or(good[long], "x"))
		}
		f, said, err := parsed(words...)
		switch {
		case verdict != "built" && (err == nil || !strings.Contains(said, "--"+long)):
			t.Errorf("--%s is not refused by name: %q", long, said)
		case verdict == "built" && long != "genhash" && err != nil:
			t.Errorf("--%s: %v, %s", long, err, said)
		case verdict == "built" && long != "dont-fork" && !contains(always, long) && same(f, plain):
			t.Errorf("--%s changes nothing", long)
		}
	}
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// same reports whether two command lines mean the same, but for how they were written.
func same(a, b *flags) bool {
	x, y := *a, *b
	x.err, y.err = nil, nil
	x.opt.Args, y.opt.Args = nil, nil
	return reflect.DeepEqual(x, y)
}

func TestGenhashOptionsOfTheTable(t *testing.T) {
	all := rows(t, "genhash-option")
	if len(all) != len(hashOptions) {
		t.Errorf("%d options, in the table %d", len(hashOptions), len(all))
	}
	for _, r := range all {
		found := false
		for i := range hashOptions {
			o := &hashOptions[i]
			found = found || r[1] == o.Long && r[0][0] == o.Short && o.Arg == argKind(r[2])
		}
		if !found {
			t.Errorf("%q is not there", r)
		}
	}
}

// TestEarlyHangup: a SIGHUP that comes before anybody listens for it does not end a daemon.
func TestEarlyHangup(t *testing.T) {
	if os.Getenv("EARLY_HANGUP") != "" {
		_ = unix.Kill(os.Getpid(), unix.SIGHUP) // the program's init has run, and nothing else
		time.Sleep(10 * time.Millisecond)
		os.Exit(7)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestEarlyHangup$")
	cmd.Env = append(os.Environ(), "EARLY_HANGUP=1")
	if _ = cmd.Run(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("it has ended with %v", cmd.ProcessState)
	}
}
