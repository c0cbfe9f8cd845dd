package config_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
	"holdfast.dev/config/files"
	"holdfast.dev/config/schema"
)

// The differential test loads files here and gives them to the installed "keepalived -t": the exit codes must agree. It
// is skipped where keepalived is not installed. What keepalived 2.2.7 does otherwise than 2.4.3, which is our measure,
// and what it does wrong, is listed with the reason.

// differs are the lines of the schema's examples for which another exit code is right.
var differs = map[string]string{
	"vrf eth0\nunicast_src_ip 10.0.0.9\nunicast_peer {\n\t10.0.0.2\n}": "the interface of the test is no VRF",
	"sorry_server 192.0.2.9 0":                   "2.4.3 wants a port from 1",
	"interval 2.5":                               "2.2.7 takes whole seconds only",
	"use_ipvlan group":                           "2.2.7 does not know the word group",
	"use_vmac group":                             "2.2.7 does not know the word group",
	"vrrp_ipsets ha4 ha6":                        "the Debian package is built without iptables",
	"vrrp_iptables keepalived_in keepalived_out": "the Debian package is built without iptables",
}

// host is an Env of the machine that the test runs on.
func host() config.Env {
	name, _ := os.Hostname()
	dir, _ := os.Getwd()
	return config.Env{
		Expand: expand.Env{NodeName: name, Dir: dir, Lookup: os.LookupEnv},
		Test:   true, CPUs: 1 << 16,
		Interface: hostInterface, User: hostUser, Group: hostGroup, Program: hostProgram,
	}
}

func hostInterface(name string) (config.Interface, bool) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return config.Interface{}, false
	}
	f := config.Interface{
		Loopback: i.Flags&net.FlagLoopback != 0, Multicast: i.Flags&net.FlagMulticast != 0,
		Ethernet: len(i.HardwareAddr) == 6, MTU: i.MTU,
	}
	addrs, _ := i.Addrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			f.Addrs = append(f.Addrs, p)
		}
	}
	return f, true
}

func hostUser(name string) (uid, gid uint32, ok bool) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, false
	}
	return id(u.Uid), id(u.Gid), true
}

func hostGroup(name string) (uint32, bool) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, false
	}
	return id(g.Gid), true
}

func id(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

func hostProgram(name string) config.Program {
	path, err := exec.LookPath(name)
	if err != nil {
		return config.Program{Problem: "not found or not executable"}
	}
	return config.Program{Path: path, Link: path}
}

// keepalived is the exit code of keepalived -t; a death by signal is negative.
func keepalived(t *testing.T, path string) (code int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // some files it never gets to the end of
	defer cancel()
	cmd := exec.CommandContext(ctx, "keepalived", "-t", "-f", path)
	cmd.Dir = t.TempDir() // some files have it write something
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return code, string(out)
}

// netIface is an interface that an instance can run on.
func netIface(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		t.Skip("keepalived is not installed")
	}
	all, _ := net.Interfaces()
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagMulticast != 0 && len(i.HardwareAddr) == 6 {
			return i.Name
		}
	}
	t.Skip("no interface with multicast")
	return ""
}

// compare loads one text on both sides.
func compare(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	want, said := keepalived(t, path)
	if want < 0 {
		t.Skipf("keepalived dies of it: %s", said)
	}
	r := config.Load(files.OS{}, path, host())
	if got := r.Diags.ExitCode(); got != want {
		var ours strings.Builder
		for _, d := range r.Diags.All() {
			ours.WriteString(d.Severity.String() + " " + d.Class.String() + " " + d.Keepalived() + "\n")
		}
		t.Errorf("exit code %d, keepalived's is %d\n%s\nwe say:\n%skeepalived says:\n%s", got, want, text, ours.String(), said)
	}
}

// TestAgainstFiles compares the files of testdata/diff, and those that come with keepalived. A first line "# differs CODE:
// reason" gives the exit code that is right where 2.2.7 has another. In the files eth0 stands for an interface of this
// machine.
func TestAgainstFiles(t *testing.T) {
	iface := netIface(t)
	paths, _ := filepath.Glob("testdata/diff/*.conf")
	samples, _ := filepath.Glob("/usr/share/doc/keepalived/samples/keepalived.conf.*")
	for _, p := range append(paths, samples...) {
		t.Run(filepath.Base(p), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if want, ok := strings.CutPrefix(string(text), "# differs "); ok {
				want, why, _ := strings.Cut(want, ":")
				r := config.Load(files.OS{}, p, host())
				if got := strconv.Itoa(r.Diags.ExitCode()); got != want {
					t.Errorf("exit code %s, want %s: %s", got, want, why)
				}
				return
			}
			compare(t, strings.ReplaceAll(string(text), "eth0", iface))
		})
	}
}

// TestAgainstExamples compares every example of the schema that keepalived 2.2.7 knows.
func TestAgainstExamples(t *testing.T) {
	iface := netIface(t)
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			if k.Since != "" {
				continue
			}
			for kind, line := range map[string]string{"good": k.Good, "bad": k.Bad} {
				t.Run(kind+"/"+b.Path+"/"+k.Name, func(t *testing.T) {
					if why := differs[line]; why != "" {
						t.Skip(why)
					}
					t.Parallel()
					compare(t, strings.ReplaceAll(example(b, k, line), "eth0", iface))
				})
			}
		}
	}
}
