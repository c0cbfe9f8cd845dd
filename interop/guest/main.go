package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// why tells Need what Main found.
var why error

// consoleEnv makes Main show all that a guest writes, with the kernel's messages.
const consoleEnv = "HOLDFAST_GUEST_CONSOLE"

// Main runs the tests of a package in a guest: the test binary runs itself again in there, with the same flags. It is called
// by TestMain and does not return. The job's Binary and Args are set by it.
//
// Where all tests are run, those that match one of the regular expressions in apart have a guest of their own, one for each of
// those, and the others another one after that: each has its own Limit.
//
// The result is never taken from go test's cache, because that does not know what the files in the guest were made of.
func Main(m *testing.M, job func() (Job, error), apart ...string) {
	if Inside() {
		os.Exit(m.Run())
	}
	os.Exit(outside(m, job, apart))
}

// Need skips the test unless it is in a guest.
func Need(t testing.TB) {
	t.Helper()
	if !Inside() {
		t.Skip(why)
	}
}

func outside(m *testing.M, job func() (Job, error), apart []string) int {
	args, short, err := flags(os.Args[1:])
	if short {
		why = errors.New("guests take long")
		return m.Run()
	}
	status := 0
	if err == nil {
		for _, part := range parts(args, apart) {
			var one int
			if one, err = inGuest(append(part, args...), job); err != nil {
				break
			}
			status = max(status, one)
		}
	}
	switch {
	case err == nil:
		return status
	case errors.Is(err, ErrMissing) && os.Getenv("CI") == "":
		why = err
		return m.Run() // every test says why it is skipped
	default:
		fmt.Fprintln(os.Stderr, err)
		fmt.Println("FAIL")
		return 1
	}
}

// parts are the flags that the guests have beyond the others.
func parts(args, apart []string) (out [][]string) {
	chosen := slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return name == "test.run" || name == "test.skip" || name == "test.list"
	})
	if len(apart) == 0 || chosen {
		return [][]string{nil}
	}
	for _, a := range apart {
		out = append(out, []string{"-test.run=" + a})
	}
	return append(out, []string{"-test.skip=" + strings.Join(apart, "|")})
}

func inGuest(args []string, job func() (Job, error)) (int, error) {
	if _, err := findQemu(); err != nil {
		return 0, err // before anything is built
	}
	j, err := job()
	if err != nil {
		return 0, err
	}
	if j.Binary, err = os.Executable(); err != nil {
		return 0, err
	}
	j.Args = args
	j.Output = os.Stdout
	if os.Getenv(consoleEnv) != "" {
		j.Output, j.Console = nil, os.Stdout
	}
	r, err := Start(context.Background(), j)
	if err != nil {
		if r.Output != "" {
			err = fmt.Errorf("%w\nall of its output:\n%s", err, r.Output)
		}
		return 0, err
	}
	return r.Status, nil
}

// flags turns go test's flags into those for the guest: without files of the host, and without a time limit, which would
// be one in the guest's time.
func flags(args []string) (out []string, short bool, err error) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(args[i], "-"), "-"), "=")
		switch name {
		case "test.testlogfile", "test.gocoverdir", "test.outputdir", "test.timeout":
			if !joined {
				i++
			}
		case "test.coverprofile", "test.cpuprofile", "test.memprofile", "test.blockprofile", "test.mutexprofile", "test.trace":
			return nil, false, fmt.Errorf("-%s: a profile written in a guest is lost with it", name)
		case "test.short":
			short = !joined || value == "true"
		default:
			out = append(out, args[i])
		}
	}
	return append([]string{"-test.timeout=0"}, out...), short, nil
}
