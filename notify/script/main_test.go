package script

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

const launcherName = "test-launcher"

func TestMain(m *testing.M) {
	if os.Args[0] == launcherName {
		if err := RunLauncher(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func newStarter(t testing.TB, opt Options) *Starter {
	t.Helper()
	opt.Launcher = []string{launcherName}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// own is a command of the user that runs the test.
func own(args ...string) Command {
	groups, _ := os.Getgroups()
	c := Command{Args: args, UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Capture: true}
	for _, g := range groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

func sh(line string, args ...string) Command {
	return own(append([]string{"/bin/sh", "-c", line}, args...)...)
}

func file(t testing.TB, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func opening(path string) Command {
	c := own()
	c.Open = path
	return c
}
