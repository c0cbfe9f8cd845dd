package config_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
	"holdfast.dev/config/files"
)

// The files of testdata/real are like those of real users: from tutorials, products and tickets. want.txt has the exit code of
// keepalived 2.2.7 for each, recorded on a machine with eth0 and eth1; a reason follows where another code is right.

// lab is an Env of the machine on which the codes were recorded.
func lab() config.Env {
	env := host()
	env.Interface = func(name string) (config.Interface, bool) {
		switch name {
		case "eth0", "eth1":
			return config.Interface{Multicast: true, Ethernet: true, MTU: 1500}, true
		case "lo":
			return config.Interface{Loopback: true, MTU: 65536}, true
		}
		return config.Interface{}, false
	}
	env.User = func(name string) (uid, gid uint32, ok bool) { return 0, 0, name == "root" }
	env.Group = func(name string) (uint32, bool) { return 0, name == "root" }
	env.Program = func(name string) config.Program {
		if strings.HasPrefix(name, "/bin/") {
			return config.Program{Path: name, Link: name}
		}
		return config.Program{Problem: "not found"}
	}
	env.Expand = expand.Env{NodeName: "lab", Dir: "/"}
	return env
}

// verdict is one line of want.txt.
type verdict struct {
	file string
	code int // of keepalived 2.2.7
	ours int // which is the same unless there is a reason
	why  string
}

func verdicts(t *testing.T) (out []verdict) {
	t.Helper()
	text, err := os.ReadFile("testdata/real/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		v := verdict{file: words[0]}
		v.code, _ = strconv.Atoi(words[1])
		if v.ours = v.code; len(words) == 4 {
			v.ours, _ = strconv.Atoi(words[2])
			v.why = words[3]
		}
		out = append(out, v)
	}
	return out
}

func TestRealFiles(t *testing.T) {
	all := verdicts(t)
	there, _ := filepath.Glob("testdata/real/*.conf")
	if len(all) != len(there) || len(all) < 60 {
		t.Fatalf("%d files, %d codes", len(there), len(all))
	}
	for _, v := range all {
		t.Run(v.file, func(t *testing.T) {
			r := config.Load(files.OS{}, filepath.Join("testdata/real", v.file), lab())
			if got := r.Diags.ExitCode(); got != v.ours {
				var said strings.Builder
				for _, d := range r.Diags.Sorted() {
					said.WriteString(d.Severity.String() + " " + d.Class.String() + " " + d.Keepalived() + "\n")
				}
				t.Errorf("exit code %d, want %d; we say\n%s", got, v.ours, said.String())
			}
		})
	}
}

// TestRealFilesStill runs the installed keepalived on these files, in a namespace with the same interfaces: the recorded codes
// are still those that it gives.
func TestRealFilesStill(t *testing.T) {
	for _, tool := range []string{"keepalived", "unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for a namespace")
	}
	const script = `ip link add eth0 type veth peer name eth1 && ip addr add 10.0.0.9/24 dev eth0 && ip link set eth0 up && ip link set eth1 up && ip link set lo up || exit 99
for f in *.conf; do keepalived -t -f $f >/dev/null 2>&1; echo "$f $?"; done`
	cmd := exec.Command("unshare", "-n", "sh", "-c", script)
	cmd.Dir = "testdata/real"
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no namespace: %v", err)
	}
	got := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		file, code, _ := strings.Cut(strings.TrimSpace(line), " ")
		got[file] = code
	}
	for _, v := range verdicts(t) {
		if got[v.file] != strconv.Itoa(v.code) {
			t.Errorf("%s: keepalived gives %s, recorded is %d", v.file, got[v.file], v.code)
		}
	}
}
