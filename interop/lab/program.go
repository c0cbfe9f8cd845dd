package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Program is a daemon that understands keepalived.conf.
type Program struct {
	Name string
	Path string
	Ours bool     // its packets are held against tshark
	Env  []string // besides the tests' own
}

// Tool finds a program that the lab cannot do without. Where it is missing the test fails if CI is set, and is skipped
// otherwise, with the name of the package that has it.
func Tool(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/lib/frr/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	text := fmt.Sprintf("%s is not installed: it is in the package %s", name, pkg)
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

// Keepalived is the installed keepalived.
func Keepalived(t testing.TB) Program {
	t.Helper()
	return Program{Name: "keepalived", Path: Tool(t, "keepalived", "keepalived")}
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "holdfast-interop-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "holdfast")
	cmd := exec.Command("go", "build", "-o", path, "holdfast.dev/cmd/holdfast")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("building holdfast: %w\n%s", err, out)
	}
	built = dir
	return path, nil
})

var built string // where build put its result

// Holdfast is our daemon, built from this tree.
func Holdfast(t testing.TB) Program {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return Program{Name: "holdfast", Path: path, Ours: true}
}

// RunsScripts skips the test where keepalived cannot: it sets supplementary groups first, which a user namespace of an
// ordinary user does not allow, and then takes every script for successful.
func (p Program) RunsScripts(t testing.TB) Program {
	t.Helper()
	if filepath.Base(p.Path) == "keepalived" && !wholeSystem() {
		t.Skip("keepalived cannot run scripts inside the user namespace of an ordinary user")
	}
	return p
}

// wholeSystem reports whether this user namespace has more users than one.
func wholeSystem() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(b))
	return err == nil && (len(fields) > 3 || len(fields) == 3 && fields[2] != "1")
}

// At is a daemon at a path, in the place of ours.
func At(path string) Program { return Program{Name: filepath.Base(path), Path: path, Ours: true} }

// CleanUp removes what Holdfast built. It is for TestMain, after the tests.
func CleanUp() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}
