package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/guest/task"
)

// Limit is how long a guest may live, in the time of the host.
const Limit = 6 * time.Minute

// Job is what a guest does.
type Job struct {
	Binary  string            // a program of the host. In the guest it is /job/ and its base name, and starts in /job
	Args    []string          // its arguments
	Env     []string          // all of its environment, but for PATH, HOME and what tells it that it is in a guest
	Files   map[string]string // path in the guest → regular file of the host. Programs bring their libraries along
	Build   map[string]string // path in the guest → command of this module, which is compiled for it
	Modules []string          // kernel modules to load, each with what it needs. Those that are built in may be named too

	VirtualTime bool
	Shift       int           // of virtual time: an instruction takes 2^Shift ns; 0 is 1 ns, as on a slow machine of today
	Memory      int           // in MiB; 0 is 512
	Limit       time.Duration // 0 is the constant Limit, which is also the most
	Output      io.Writer     // gets the program's output, a line at a time as it comes, if not nil
	Console     io.Writer     // gets everything that the guest writes, as it comes, if not nil
}

// Result is what a guest left.
type Result struct {
	Status int           // exit status of the program; 128 and the signal's number if a signal ended it
	Output string        // of the program, standard output and error, and of the kernel if it complained meanwhile
	Took   time.Duration // in the time of the host
}

// ErrMissing is what errors are wrapped around that say what has to be installed.
var ErrMissing = errors.New("the guest can't run here")

// Inside reports whether this process is in a guest.
func Inside() bool { return os.Getenv(task.Inside) != "" }

// Start runs a job and waits for its end. The error says why there is no result: something is missing (ErrMissing), the
// kernel crashed, the time was over.
func Start(ctx context.Context, j Job) (Result, error) {
	qemu, err := findQemu()
	if err != nil {
		return Result{}, err
	}
	k, err := findKernel()
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	dir, err := os.MkdirTemp("", "guest-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initrd")
	if err := writeInitrd(initrd, k, j); err != nil {
		return Result{}, fmt.Errorf("making the guest's files: %w", err)
	}
	limit := Limit
	if j.Limit > 0 {
		limit = min(limit, j.Limit)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the guest was still at work after %v", limit))
	defer cancel()
	start := time.Now()
	c := newConsole(j.Console, j.Output)
	err = boot(ctx, qemu, arguments(k.image, initrd, j), c)
	r, cerr := c.result()
	r.Took = time.Since(start)
	if cerr == nil {
		return r, nil
	}
	return r, errors.Join(cerr, err)
}

// Run runs a job of a test. It skips or fails the test where that is impossible; the job's own status is for the caller to
// judge.
func Run(t testing.TB, j Job) Result {
	t.Helper()
	if testing.Short() {
		t.Skip("guests take long")
	}
	r, err := Start(t.Context(), j)
	switch {
	case err == nil:
		return r
	case errors.Is(err, ErrMissing) && os.Getenv("CI") == "":
		t.Skip(err)
	default:
		t.Fatalf("%v\nits output:\n%s", err, r.Output)
	}
	return r
}

// writeInitrd collects everything that the guest has.
func writeInitrd(name string, k *kernel, j Job) (err error) {
	initProgram, err := build(filepath.Dir(name), "holdfast.dev/interop/guest/init")
	if err != nil {
		return err
	}
	order, err := k.modules.order(j.Modules)
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a := newArchive(f)
	a.console()
	for _, dir := range []string{"/root", "/var", "/etc", "/sys", "/proc", "/run", "/tmp"} {
		a.dir(dir)
	}
	a.bytes("/etc/passwd", []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"))
	a.bytes("/etc/group", []byte("root:x:0:\nnogroup:x:65534:\n"))
	a.file("/init", initProgram)
	t := task.Task{
		Argv: append([]string{"/job/" + filepath.Base(j.Binary)}, j.Args...), Dir: "/job",
		Env: append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, j.Env...),
	}
	for _, path := range order {
		t.Modules = append(t.Modules, "/guest/modules/"+filepath.Base(path))
		a.file("/guest/modules/"+filepath.Base(path), path)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	a.bytes(task.File, text)
	if err := addPrograms(a, filepath.Dir(name), j); err != nil {
		return err
	}
	return a.close()
}

// addPrograms adds the job's files, and the libraries of those that are programs.
func addPrograms(a *archive, dir string, j Job) error {
	files := map[string]string{"/job/" + filepath.Base(j.Binary): j.Binary}
	maps.Copy(files, j.Files)
	for to, pkg := range j.Build {
		program, err := build(dir, pkg)
		if err != nil {
			return err
		}
		files[to] = program
	}
	for _, to := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(to, "/") {
			return fmt.Errorf("the guest's path %q does not begin with a slash", to)
		}
		a.file(to, files[to])
		libs, err := libraries(files[to])
		if err != nil {
			return err
		}
		for _, lib := range libs {
			a.file(lib, lib)
		}
	}
	return nil
}
