package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/mutate"
)

// lab builds mutants and runs tests with them.
type lab struct {
	root, dir string
	worlds    int
	budget    time.Duration
}

// Bounds of what a mutant may do: it may well run for ever, or eat all memory. Its time is that of the processor, however busy the machine is.
const (
	mostTime   = 40               // seconds of the processor for the tests of a package
	mostMemory = 8 << 30          // of address space, octets
	patience   = 15 * time.Minute // one that does nothing for so long waits for something that never comes
)

var errCompile = errors.New("does not compile")

func newLab(o *options) (*lab, error) {
	dir, err := os.MkdirTemp("", "mutants-")
	return &lab{root: o.root, dir: dir, worlds: o.worlds, budget: o.budget}, err
}

// Close removes what was built.
func (l *lab) Close() { _ = os.RemoveAll(l.dir) }

// try builds a mutant and runs the tests with it until one fails. The error says that nothing could be found out.
func (l *lab) try(ctx context.Context, m *mutate.Mutant) (result, error) {
	start := time.Now()
	text, err := os.ReadFile(filepath.Join(l.root, m.File))
	if err != nil {
		return result{}, err
	}
	overlay, err := mutate.Overlay(l.dir, filepath.Join(l.root, m.File), m.Apply(text))
	if err != nil {
		return result{}, err
	}
	r := result{
		ID: m.ID(), Text: sum(text), File: m.File, Line: m.Line, Func: m.Func, Op: m.Op, Was: m.Was, Becomes: m.Becomes,
		Verdict: survivor,
	}
	for _, pkg := range packagesOf(m.File) {
		if r.By, err = l.tests(ctx, overlay, pkg); err != nil || r.By != "" {
			break
		}
	}
	if err == nil && r.By == "" && l.worlds > 0 {
		r.By, err = l.simulate(ctx, overlay)
	}
	switch {
	case errors.Is(err, errCompile):
		r.Verdict, err = broken, nil
	case r.By != "":
		r.Verdict = killed
	}
	r.Seconds = time.Since(start).Seconds()
	if ctx.Err() != nil {
		return r, errors.New("interrupted")
	}
	return r, err
}

// sane reports what fails without any change: everything would count as noticed.
func (l *lab) sane(ctx context.Context) error {
	none := filepath.Join(l.dir, "none.json")
	if err := os.WriteFile(none, []byte("{}"), 0o600); err != nil {
		return err
	}
	done := map[string]bool{}
	for i := range targets {
		for _, pkg := range targets[i].packages {
			if done[pkg] {
				continue
			}
			done[pkg] = true
			if by, err := l.tests(ctx, none, pkg); err != nil || by != "" {
				return errors.Join(err, fmt.Errorf("fails without any change: %s", by))
			}
		}
	}
	return nil
}

func sum(text []byte) string {
	h := fnv.New64a()
	h.Write(text)
	return strconv.FormatUint(h.Sum64(), 16)
}

func (l *lab) goTool(ctx context.Context, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = l.root
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	return c.CombinedOutput()
}

// tests runs the tests of a package, and returns the name of the first that fails; empty for none.
func (l *lab) tests(ctx context.Context, overlay, pkg string) (string, error) {
	bin := filepath.Join(l.dir, "test")
	out, err := l.goTool(ctx, "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", bin, "./"+pkg)
	if err != nil {
		return "", fmt.Errorf("the tests of %s: %w: %s", pkg, errCompile, out)
	}
	dir := filepath.Join(l.root, pkg)
	args := []string{"-test.short", "-test.failfast", "-test.skip=" + unfit, "-test.timeout=" + patience.String()}
	if importsRapid(dir) {
		args = append(args, "-rapid.nofailfile") // what a mutant failed at would be tried with the next, or with none
	}
	out, ok := l.run(ctx, mostTime, dir, bin, args...)
	if ok {
		return "", nil
	}
	return pkg + ": " + firstFailure(out), nil
}

// importsRapid reports whether tests in the directory draw their cases with rapid.
func importsRapid(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	return slices.ContainsFunc(files, func(path string) bool {
		text, _ := os.ReadFile(path)
		return bytes.Contains(text, []byte(`"pgregory.net/rapid"`))
	})
}

// simulate plays worlds, and returns what a checker says of the first that fails; empty for none.
func (l *lab) simulate(ctx context.Context, overlay string) (string, error) {
	bin := filepath.Join(l.dir, "simulator")
	if out, err := l.goTool(ctx, "build", "-ldflags=-s -w", "-overlay", overlay, "-o", bin, "./sim/cmd/holdfast-sim"); err != nil {
		return "", fmt.Errorf("the simulator: %w: %s", errCompile, out)
	}
	out, ok := l.run(ctx, uint64(l.budget.Seconds()), l.root, bin,
		"-from", "1", "-worlds", strconv.Itoa(l.worlds), "-time", patience.String(), "-shrink", "0s", "-lines", "1")
	if ok {
		return "", nil
	}
	return "simulator: " + firstFailure(out), nil
}

// run runs a program with bounds, and reports whether it ended well. seconds is how long it may compute.
func (l *lab) run(ctx context.Context, seconds uint64, dir, program string, args ...string) (out []byte, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Minute)
	defer cancel()
	var buf bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Dir, c.Stdout, c.Stderr = dir, &buf, &buf
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return unix.Kill(-c.Process.Pid, unix.SIGKILL) }
	c.WaitDelay = time.Second
	if err := c.Start(); err != nil {
		return []byte(err.Error()), false
	}
	memory, cpu := unix.Rlimit{Cur: mostMemory, Max: mostMemory}, unix.Rlimit{Cur: seconds, Max: seconds}
	_ = unix.Prlimit(c.Process.Pid, unix.RLIMIT_AS, &memory, nil) // it may have ended
	_ = unix.Prlimit(c.Process.Pid, unix.RLIMIT_CPU, &cpu, nil)
	err := c.Wait()
	if used := c.ProcessState.UserTime() + c.ProcessState.SystemTime(); used >= time.Duration(seconds)*time.Second-time.Second {
		fmt.Fprintf(&buf, "panic: computes for more than %d s\n", seconds)
	}
	return buf.Bytes(), err == nil
}

// failing finds what a test or the simulator says first when something is wrong.
var failing = regexp.MustCompile(`(?m)^\s*(?:--- FAIL: (\S+)|(panic: .*)|(fatal error: .*)|(seed \d+ .*))$|--- FAIL: (\S+)`)

func firstFailure(out []byte) string {
	m := failing.FindSubmatch(out)
	if m == nil {
		return "fails"
	}
	for _, text := range m[1:] {
		if len(text) > 0 {
			return strings.TrimSpace(fmt.Sprintf("%.120s", text))
		}
	}
	return "fails"
}
