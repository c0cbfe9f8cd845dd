package machine

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestInterfacesAgreeWithTheLibrary(t *testing.T) {
	env := Env()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		got, ok := env.Interface(want.Name)
		if !ok {
			t.Errorf("%s is missing", want.Name)
			continue
		}
		if got.MTU != want.MTU || got.Loopback != (want.Flags&net.FlagLoopback != 0) || got.Multicast != (want.Flags&net.FlagMulticast != 0) {
			t.Errorf("%s: %+v, want %+v", want.Name, got, want)
		}
		addrs, _ := want.Addrs()
		for _, a := range addrs {
			if !slices.ContainsFunc(got.Addrs, func(p netip.Prefix) bool { return p.String() == a.String() }) {
				t.Errorf("%s: %s is missing in %v", want.Name, a, got.Addrs)
			}
		}
	}
	if _, ok := env.Interface("no such one"); ok {
		t.Error("an interface that does not exist")
	}
}

func TestAccounts(t *testing.T) {
	env := Env()
	if uid, gid, ok := env.User("root"); !ok || uid != 0 || gid != 0 {
		t.Error(uid, gid, ok)
	}
	if gid, ok := env.Group("root"); !ok || gid != 0 {
		t.Error(gid, ok)
	}
	if _, _, ok := env.User("nobody there"); ok {
		t.Error("an account that does not exist")
	}
	path := filepath.Join(t.TempDir(), "passwd")
	os.WriteFile(path, []byte("\n:::\na:x:5:6:::\na:x:7:8:::\nbad:x:y:1\n+nis::9:9\nshort:x\nbig:x:99999999999:1\n"), 0o600)
	if got := accounts(path, 3); len(got) != 1 || got["a"] != (account{5, 6}) {
		t.Error(got)
	}
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	dir, _ = filepath.EvalSymlinks(dir)
	script := filepath.Join(dir, "s.sh")
	os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755)
	os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644)
	os.Symlink(script, filepath.Join(dir, "link"))
	os.Symlink(filepath.Join(dir, "loop"), filepath.Join(dir, "loop"))
	os.Chmod(script, 0o755)

	if p := findProgram(script); p.Problem != "" || p.Path != script {
		t.Errorf("%+v", p)
	}
	if p := findProgram(filepath.Join(dir, "link")); p.Problem != "" || p.Path != script || p.Link != filepath.Join(dir, "link") {
		t.Errorf("%+v", p)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "plain"): "not executable", filepath.Join(dir, "gone"): "not found", dir: "is a directory",
		"no-such-program-anywhere": "not found", "": "not found", "a\x00b": "not found", "/dev/null": "not a regular file",
	} {
		if p := findProgram(name); p.Problem != want {
			t.Errorf("%q: %+v", name, p)
		}
	}
	if p := findProgram(filepath.Join(dir, "loop")); p.Problem == "" {
		t.Errorf("%+v", p)
	}
	if p := findProgram("sh"); p.Problem != "" || !filepath.IsAbs(p.Path) {
		t.Errorf("%+v", p)
	}
	t.Setenv("PATH", dir)
	if p := findProgram("s.sh"); p.Path != script {
		t.Errorf("%+v", p)
	}
	if p := findProgram("plain"); p.Problem != "not executable" {
		t.Errorf("%+v", p)
	}
}

func TestInsecure(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs files of root's")
	}
	dir, _ := filepath.EvalSymlinks(t.TempDir())
	os.Chmod(dir, 0o755)
	f := filepath.Join(dir, "f")
	os.WriteFile(f, nil, 0o755)
	if got := insecure(f); got != "" {
		t.Skip("the temporary directory is insecure itself: " + got)
	}
	os.Chmod(f, 0o757)
	if got := insecure(f); got != f {
		t.Error(got)
	}
	os.Chmod(f, 0o755)
	os.Chmod(dir, 0o777)
	if got := insecure(f); got != dir {
		t.Error(got)
	}
	os.Chmod(dir, 0o777|os.ModeSticky)
	if got := insecure(f); got != "" {
		t.Error(got)
	}
	os.Chmod(dir, 0o755)
	os.Chown(f, 12345, 0)
	if got := insecure(f); got != f {
		t.Error(got)
	}
}
