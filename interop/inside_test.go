package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/interop/lab"
)

// TestInsideScript: what a script of a daemon that is real-time, nice and locked in memory finds when it looks at itself (rules Q16, Q17,
// R8): nothing of all that, no privilege, no descriptor but its own, and the environment of the daemon without what changes programs.
func TestInsideScript(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("its scripts keep more")
	}
	needRoot(t)
	l := lab.New(t, lab.Options{Nodes: 1})
	dir := ownedBy(t, somebody)
	out := filepath.Join(dir, "seen")
	prog := filepath.Join(dir, "look.sh")
	// The shell reads by itself how it is: while it starts somebody for it, it blocks all signals.
	look := "#!/bin/sh\nexec >" + out + ".new 2>&1\nwhile read -r l; do echo \"$l\"; done </proc/$$/status\necho stat $(cut -d' ' -f5,18,19,40,41 /proc/$$/stat)\necho pid $$\n" +
		"ls -l /proc/$$/fd\ntr '\\0' '\\n' </proc/$$/environ | sed 's/^/env /'\nmv " + out + ".new " + out + "\n"
	if err := os.WriteFile(prog, []byte(look), 0o755); err != nil {
		t.Fatal(err)
	}
	r := media[0].router(l.Nodes[0], l.Nodes[0], 200)
	r.Lines = []string{"track_script {\n\t\tlook\n\t}"}
	f := lab.File{
		Global:  []string{"script_user nobody", "enable_script_security", "vrrp_rt_priority 20", "vrrp_no_swap", "vrrp_priority -5"},
		Scripts: []string{fmt.Sprintf("vrrp_script look {\n\tscript %s\n\tinterval 60\n}", prog)},
		Routers: []lab.Router{r},
	}
	l.Nodes[0].Start(ours(t), f.Text())
	var text string
	l.WaitFor("the script has looked", 5*second, func() bool {
		b, err := os.ReadFile(out)
		text = string(b)
		return err == nil
	})
	is := map[string]string{}
	fds := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, ":"); ok && !strings.Contains(key, " ") {
			is[key] = strings.Join(strings.Fields(value), " ")
		}
		if link, to, ok := strings.Cut(line, " -> "); ok {
			n := link[strings.LastIndexByte(link, ' ')+1:]
			if n == "0" && to != "/dev/null" || len(n) > 1 && to != prog || len(n) == 1 && n > "2" && to != prog {
				t.Errorf("descriptor %s leads to %s", n, to)
			}
			fds++
		}
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "stat", "pid":
			is[word] = rest
		case "env":
			for _, bad := range []string{"IFS=", "LD_PRELOAD=", "LD_LIBRARY_PATH=", "HOLDFAST_", "NOTIFY_SOCKET=", "GOTRACEBACK="} {
				if strings.HasPrefix(rest, bad) {
					t.Errorf("environment: %s", rest)
				}
			}
		}
	}
	for key, want := range map[string]string{
		"Uid": "65534 65534 65534 65534", "VmLck": "0 kB", "SigBlk": capMask(), "SigIgn": capMask(), "SigCgt": is["SigCgt"],
		"CapInh": capMask(), "CapPrm": capMask(), "CapEff": capMask(), "CapAmb": capMask(), "NoNewPrivs": "0", "Seccomp": "0",
		"stat": is["pid"] + " 20 0 0 0", // a process group of its own, priority, nice, real-time priority, policy
	} {
		if is[key] != want {
			t.Errorf("%s is %q, want %q", key, is[key], want)
		}
	}
	if fds < 3 {
		t.Errorf("only %d descriptors were seen:\n%s", fds, text)
	}
}
