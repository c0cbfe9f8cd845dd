// Package interop runs scenarios with real daemons on the real kernel: ours against keepalived, and ours against ours.
//
// Everything happens in network namespaces that the tests make. Where the user may not do that, the tests run inside a
// user namespace. A peer that is not installed fails the tests if the environment variable CI is set; otherwise they
// are skipped and name the package.
package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"holdfast.dev/internal/netns"
	"holdfast.dev/interop/lab"
)

var oursAt = flag.String("interop.ours", "", "a `program` to run in the place of holdfast, for example keepalived: what does the reference do?")

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if netns.Able() != nil && !netns.Inside() {
		status, err := netns.Again()
		if err == nil {
			return status
		}
		fmt.Fprintln(os.Stderr, "scenarios are left out:", err)
	}
	set := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if !set["test.parallel"] {
		_ = flag.Set("test.parallel", "24") // they mostly wait; a lab limits itself
	}
	defer lab.CleanUp()
	code := m.Run()
	// Nothing that our daemon does in any scenario may be beyond what it allows itself.
	for i, line := range lab.Refused() {
		if i < 20 {
			fmt.Fprintln(os.Stderr, "FAIL: a system call was refused:", line)
		}
		code = max(code, 1)
	}
	return code
}

// ours is the daemon under test.
func ours(t testing.TB) lab.Program {
	t.Helper()
	if *oursAt != "" {
		return lab.At(*oursAt)
	}
	return lab.Holdfast(t)
}

// reference reports whether keepalived takes the place of ours.
func reference() bool { return filepath.Base(*oursAt) == "keepalived" }

// long leaves a scenario out of a quick run.
func long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}
