package guest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const probe = "holdfast.dev/interop/guest/testdata/probe"

// A guest has the files and modules that were asked for; an hour in it takes no hour; its program's status comes back.
func TestProgramInAGuest(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, []byte("of the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := build(t.TempDir(), probe)
	if err != nil {
		t.Fatal(err)
	}
	r := Run(t, Job{
		Binary: program, Args: []string{"7"}, Env: []string{"X=y z"}, Files: map[string]string{"/etc/some/data": data},
		Build: map[string]string{"/usr/bin/another": probe}, Modules: []string{"bridge", "ip_vs", "ipv6"}, VirtualTime: true,
	})
	if r.Status != 7 {
		t.Errorf("status %d, want 7", r.Status)
	}
	for _, want := range []string{
		`data: "of the host" <nil>`, "module bridge", "module stp", "module ip_vs", "environment: y z", "slept for 1h0m0s",
		"an end without a newline\n",
	} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("the output has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(r.Output)
	}
}

func TestWhatCannotRun(t *testing.T) {
	if _, err := findQemu(); err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("may fetch a kernel")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		job  Job
		want string
	}{
		{Job{Binary: self, Modules: []string{"no_such"}}, "no module no_such"},
		{Job{Binary: "/no/such/program"}, "/no/such/program"},
		{Job{Binary: t.TempDir()}, "is a directory"},
		{Job{Binary: self, Files: map[string]string{"etc/x": self}}, "does not begin with a slash"},
		{Job{Binary: self, Build: map[string]string{"/x": "holdfast.dev/no/such"}}, "holdfast.dev/no/such"},
		{Job{Binary: self, Limit: 100 * time.Millisecond}, "still at work after 100ms"},
		{Job{Binary: self, Memory: 1 << 30}, "qemu: "},
	} {
		r, err := Start(t.Context(), c.job)
		if errors.Is(err, ErrMissing) {
			t.Skip(err)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %+v, error %v; want %q", c.job, r, err, c.want)
		}
	}
}
