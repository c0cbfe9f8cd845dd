// Command retest runs go test, and runs what failed once more, alone: on a machine that others use too, a scenario with real processes
// may fail because the machine stood still. It hides nothing: the first output is printed in full, and a test that passes the second time is
// named at the end. What is no matter of luck is not run again: a package that does not compile, a crash, a data race, a time limit, a
// failure of no test in particular, a test that fails twice, and more than three tests.
//
//	go run ./internal/retest [flags of go test, as -flag or -flag=value] packages
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// most is how many tests may be run again. If more fail, it is not the machine.
const most = 3

func main() {
	var flags, packages []string
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(arg, "-") {
			flags = append(flags, arg)
		} else {
			packages = append(packages, arg)
		}
	}
	os.Exit(run(runner{flags: flags, out: os.Stdout, errs: os.Stderr}, packages))
}

// runner runs go test.
type runner struct {
	dir       string // empty for the present one
	flags     []string
	out, errs io.Writer
}

// run is all of it; it returns the exit status.
func run(r runner, packages []string) int {
	first, err := r.test(packages)
	if err != nil {
		fmt.Fprintln(r.errs, "retest:", err)
		return 1
	}
	if first.passed() {
		return 0
	}
	if why := first.hopeless(); why != "" {
		fmt.Fprintln(r.out, "retest: not run again:", why)
		return 1
	}
	failed := first.failed()
	for _, f := range failed {
		fmt.Fprintf(r.out, "\nretest: once more, alone: %s\n", f)
		second, err := r.test([]string{"-count=1", "-run=" + f.pattern(), f.pkg})
		if err != nil {
			fmt.Fprintln(r.errs, "retest:", err)
			return 1
		}
		if !second.passed() || !second.ran(f) {
			fmt.Fprintf(r.out, "retest: FAILED TWICE: %s\n", f)
			return 1
		}
	}
	fmt.Fprintln(r.out, "\nretest: ================ FLAKY: failed first, and passed alone. What they said is above; it wants to be understood.")
	for _, f := range failed {
		fmt.Fprintf(r.out, "retest: ================ FLAKY: %s\n", f)
	}
	return 0
}

// test runs go test once, shows what it has to say, and returns what became of the tests. The error is that it could not be run.
func (r runner) test(args []string) (*results, error) {
	cmd := exec.Command("go", append(append([]string{"test", "-json"}, r.flags...), args...)...)
	cmd.Dir, cmd.Stderr = r.dir, r.errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	res := newResults(r.out)
	err = res.read(out)
	if werr := cmd.Wait(); werr != nil {
		res.status = cmd.ProcessState.ExitCode()
	}
	return res, err
}

// name is a test, or a subtest.
type name struct{ pkg, test string }

func (n name) String() string { return n.pkg + " " + n.test }

// pattern is what -run has to be for this test alone.
func (n name) pattern() string {
	parts := strings.Split(n.test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}
