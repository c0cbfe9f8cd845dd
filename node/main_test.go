package node

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
)

const (
	roleEnv   = "HOLDFAST_TEST_ROLE"   // run as the vrrp role, with the control connection on descriptor 3
	insideEnv = "HOLDFAST_TEST_INSIDE" // run in a network namespace of our own
)

func TestMain(m *testing.M) {
	if how := os.Getenv(roleEnv); how != "" {
		os.Exit(runRole(how))
	}
	if os.Getenv(insideEnv) != "" {
		os.Exit(m.Run())
	}
	nstest.Main(m)
}

// runRole is the life of a role's process.
func runRole(how string) int {
	if how == "without permission" {
		_ = os.Setenv(roleEnv, "vrrp")
		err := sched.Launch(sched.Setup{Caps: []sched.Cap{sched.NetAdmin}}, func(problems []error) []string {
			fmt.Fprintln(os.Stderr, errors.Join(problems...))
			return os.Environ()
		})
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	ctl, err := role.NewConn(os.NewFile(3, "control"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	defer ctl.Close()
	err = RunVRRP(ctl)
	var p *role.Permanent
	switch {
	case errors.As(err, &p):
		return p.Code
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	return 0
}

// inside runs the calling test in a process of its own, in a network namespace in which only lo exists: what the keeper of the sockets
// opens, it opens on any thread. It reports false in the first process, which has nothing more to do.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		return true
	}
	t.Parallel()
	ns := nstest.New(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	if testing.Short() {
		cmd.Args = append(cmd.Args, "-test.short")
	}
	out := &limited{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := ns.Run(cmd); err != nil {
		t.Fatalf("%v\n%s", err, out.text)
	}
	return false
}

// limited keeps the beginning of an output.
type limited struct{ text []byte }

func (l *limited) Write(b []byte) (int, error) {
	if room := 64<<10 - len(l.text); room > 0 {
		l.text = append(l.text, b[:min(len(b), room)]...)
	}
	return len(b), nil
}

// tree is a file system in memory.
type tree map[string]string

func (f tree) Stat(p string) (expand.Facts, error) {
	if _, ok := f[path.Clean(p)]; ok {
		return expand.Facts{Regular: true}, nil
	}
	return expand.Facts{}, fs.ErrNotExist
}

func (f tree) Read(p string) (string, expand.Facts, error) {
	facts, err := f.Stat(p)
	return f[path.Clean(p)], facts, err
}

func (f tree) List(string) ([]string, error) { return nil, fs.ErrNotExist }

// load makes a configuration of a text, on a machine that has eth0, eth1 and any program.
func load(t testing.TB, text string) *config.Config {
	t.Helper()
	env := config.Env{
		Expand: expand.Env{NodeName: "test", Dir: "/"},
		Interface: func(name string) (config.Interface, bool) {
			return config.Interface{
				Multicast: true, Ethernet: true, MTU: 1500,
				Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")},
			}, name == "eth0" || name == "eth1" || name == "eth2"
		},
		Program: func(name string) config.Program { return config.Program{Path: name, Link: name} },
		User:    func(name string) (uint32, uint32, bool) { return 65534, 65534, true },
	}
	res := config.Load(tree{"/k.conf": text, "/k": textKey + "!\n"}, "/k.conf", env)
	if res.Config == nil {
		for _, d := range res.Diags.Sorted() {
			t.Log(d.Render())
		}
		t.Fatal("the configuration is refused")
	}
	return res.Config
}
