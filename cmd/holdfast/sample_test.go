package main

import (
	"bufio"
	command "flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/config/sample"
	"holdfast.dev/config/schema"
)

// More of them: go test ./cmd/holdfast -run Samples -args -files.n=1000 -files.seed=7
var (
	sampleCount = command.Int("files.n", 60, "configurations that are compared with keepalived")
	sampleSeed  = command.Uint64("files.seed", 1, "the first seed")
	sampleDir   = command.String("files.dir", "", "compare the *.conf files of this folder instead")
)

// outdated are the reasons for another exit code than that of the installed 2.2.7 to be right, each with what one of the two
// says then, and with what in the text it is about where that alone could be something else: see docs/differences.md.
var outdated = []struct {
	theirs, ours, text *regexp.Regexp // nil for anything
	why                string
}{
	{theirs: newer(), why: "2.2.7 does not know the keyword"},
	{theirs: regexp.MustCompile(`iptables not supported, using nftables|Unknown keyword 'vrrp_ipsets'`), why: "the Debian package is built without iptables"},
	{theirs: regexp.MustCompile(`vrrp script (interval|timeout) '\d*\.\d+' must be between`), why: "2.2.7 takes whole seconds only"},
	{theirs: regexp.MustCompile(`has some member\(s\) as address owner and some not`), why: "2.2.7 counts owners and others in one group"},
	{theirs: regexp.MustCompile(`Invalid hex string for UDP_CHECK`), text: regexp.MustCompile(`(?m)(payload|require_reply)\s.*[fF]{2}"?\s*$`), why: "2.2.7 refuses the byte ff at the end"},
	{ours: regexp.MustCompile(`number '0' outside range \[1, 65535\]`), text: regexp.MustCompile(`sorry_server\s+\S+\s+0\s`), why: "2.4.3 wants a port from 1"},
	{ours: regexp.MustCompile(`Strict mode does not support unicast on an interface that supports multicast`), why: "2.2.7 takes unicast with strict mode"},
	{ours: regexp.MustCompile(`duplicate unicast peer`), why: "2.2.7 says nothing about a peer that is there twice"},
	{theirs: regexp.MustCompile(`\*\*\*MISSING \*\*\*`), text: regexp.MustCompile(`virtual_server_group`), why: "2.2.7 misses an argument where the brace is missing, or where there is one too many"},
	{ours: regexp.MustCompile(`group already specified`), why: "2.2.7 reads what follows a second list of members in the block around"},
}

// newer finds complaints of keepalived about keywords that came after 2.2.7, and about ours.
func newer() *regexp.Regexp {
	var names []string
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			name := b.Keys[i].Name
			if name != schema.Entry && !slices.ContainsFunc(schema.Where(name), func(path string) bool { return schema.Lookup(path).Find(name).Since == "" }) {
				names = append(names, regexp.QuoteMeta(name))
			}
		}
	}
	return regexp.MustCompile(`Unknown keyword '(` + strings.Join(names, "|") + `)'`)
}

// TestSamples gives configurations like those of users, and mutants of them, to keepalived -t and to holdfast -t, in one
// network namespace: the exit codes are the same.
func TestSamples(t *testing.T) {
	if installed() == "" {
		t.Skip("keepalived is not installed")
	}
	for _, tool := range []string{"unshare", "ip", "xargs", "timeout"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for a namespace")
	}
	t.Parallel()
	dir := t.TempDir()
	if *sampleDir != "" {
		copySamples(t, *sampleDir, dir)
	} else {
		for i := range *sampleCount {
			seed := *sampleSeed + uint64(i)/2
			s := sample.New(seed, false)
			if i%2 == 1 {
				s = s.Mutate(seed)
			}
			writeSample(t, filepath.Join(dir, fmt.Sprintf("%d-%d", seed, i%2)), s)
		}
	}
	compared, excused, seen := 0, 0, make(map[int]int)
	for _, v := range bothCodes(t, dir) {
		if v.theirs >= 124 {
			t.Logf("%s: keepalived ended with %d", v.name, v.theirs)
			continue
		}
		compared++
		seen[v.theirs]++
		if v.theirs == v.ours {
			continue
		}
		text := v.text()
		if why := excuse(text, v.read("theirs"), v.read("ours")); why != "" {
			excused++
			continue
		}
		t.Errorf("%s: keepalived gives %d, holdfast %d\n%s\nkeepalived says:\n%s\nholdfast says:\n%s",
			v.name, v.theirs, v.ours, text, v.read("theirs"), v.read("ours"))
	}
	t.Logf("%d compared (keepalived's exit codes: %v), %d have another one for a known reason", compared, seen, excused)
	if compared == 0 || len(seen) < 2 && *sampleDir == "" {
		t.Error("nothing was compared, or nothing of interest")
	}
}

// installed is the path of keepalived, empty if there is none. The test program has put itself into the PATH by that name.
func installed() string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, "keepalived")); err == nil && !strings.HasPrefix(path, os.TempDir()) {
			return path
		}
	}
	return ""
}

func excuse(text, theirs, ours string) string {
	says := func(re *regexp.Regexp, said string) bool { return re == nil || re.MatchString(said) }
	for _, o := range outdated {
		if says(o.text, text) && says(o.theirs, theirs) && says(o.ours, ours) {
			return o.why
		}
	}
	return ""
}

func writeSample(t *testing.T, dir string, s sample.Set) {
	t.Helper()
	for path, text := range s {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func copySamples(t *testing.T, from, to string) {
	t.Helper()
	paths, _ := filepath.Glob(from + "/*.conf")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		writeSample(t, filepath.Join(to, strings.TrimSuffix(filepath.Base(p), ".conf")), sample.Set{sample.Main: string(text)})
	}
}

// codes are the exit codes for one configuration.
type codes struct {
	dir, name    string
	theirs, ours int
}

func (c *codes) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(c.dir, c.name, name))
	return string(text)
}

// text is that of all files, the main one first.
func (c *codes) text() string {
	text := c.read(sample.Main)
	for _, pattern := range []string{"*.inc", "*/*.conf"} {
		paths, _ := filepath.Glob(filepath.Join(c.dir, c.name, pattern))
		for _, p := range paths {
			more, _ := os.ReadFile(p)
			text += "\n# " + filepath.Base(p) + "\n" + string(more)
		}
	}
	return text
}

// bothCodes runs both on every configuration below dir.
func bothCodes(t *testing.T, dir string) (out []codes) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours := filepath.Join(t.TempDir(), "holdfast") // the name makes the test program holdfast, see TestMain
	if err := os.Symlink(self, ours); err != nil {
		t.Fatal(err)
	}
	links := "ip link set lo up && ip link add eth0 type veth peer name eth1 && ip addr add 10.0.0.9/24 dev eth0 && ip link set eth0 up && ip link set eth1 up"
	for _, name := range sample.Interfaces[2:] {
		links += " && ip link add " + name + " type bridge && ip link set " + name + " multicast on up"
	}
	const one = `cd "$0" && timeout 60 "$KEEPALIVED" -t -f "$PWD/keepalived.conf" -i ` + sample.NodeName + ` >theirs 2>&1; k=$?
timeout 60 "$HOLDFAST" -t -f "$PWD/keepalived.conf" -i ` + sample.NodeName + ` >ours 2>&1; echo "$0 $k $?"`
	cmd := exec.Command("unshare", "-n", "sh", "-c", links+" || exit 99\nls | xargs -P 2 -n 1 sh -c '"+one+"'")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOLDFAST="+ours, "KEEPALIVED="+installed())
	text, err := cmd.Output()
	if err != nil {
		t.Skipf("no namespace: %v", err)
	}
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		c := codes{dir: dir}
		if _, err := fmt.Sscan(lines.Text(), &c.name, &c.theirs, &c.ours); err != nil {
			t.Fatal(lines.Text(), err)
		}
		out = append(out, c)
	}
	return out
}
