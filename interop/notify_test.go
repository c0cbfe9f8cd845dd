package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// diary is a script that writes down when and how it was called.
type diary struct {
	script, file string
}

func newDiary(t *testing.T, dir string) diary {
	d := diary{filepath.Join(dir, "notify.sh"), filepath.Join(dir, "notified")}
	text := "#!/bin/sh\necho $(date +%s%N) \"$@\" >> " + d.file + "\n"
	if err := os.WriteFile(d.script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

// hooks are all notify lines of an instance or a group; each call tells which one it came from.
func (d diary) hooks(of string) string {
	var b strings.Builder
	for _, state := range []string{"master", "backup", "fault", "stop"} {
		fmt.Fprintf(&b, "\tnotify_%s \"%s %s %s\"\n", state, d.script, of, state)
	}
	fmt.Fprintf(&b, "\tnotify \"%s %s any\"\n", d.script, of)
	return b.String()
}

// entry is one call of the script.
type entry struct {
	at   time.Time
	text string // the configured words, then those that the daemon added
}

func (d diary) read(t *testing.T) (all []entry) {
	t.Helper()
	b, err := os.ReadFile(d.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		stamp, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		ns, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			t.Fatalf("the script wrote %q", line)
		}
		all = append(all, entry{time.Unix(0, ns), text})
	}
	return all
}

// settled waits until at least some calls were made and none is on its way any more, and returns them all.
func (d diary) settled(t *testing.T, l *lab.Lab, least int) (all []entry) {
	t.Helper()
	same := 0
	l.WaitFor("the scripts have run", second, func() bool {
		before := len(all)
		if all = d.read(t); len(all) != before || len(all) < least {
			same = 0
		}
		same++
		return same > 50
	})
	return all
}

// transitions are the calls of one object, by transition: the script of the state and the general one. keepalived starts both at once,
// so that the order in which they get to write is nobody's; the next transition is more than a second away.
func transitions(all []entry, object string) (out []string) {
	for pair := range slices.Chunk(of(all, object), 2) {
		slices.Sort(pair)
		out = append(out, strings.Join(pair, ", "))
	}
	return out
}

// of lists the calls of one object, in the order in which they were made.
func of(all []entry, object string) (out []string) {
	for _, e := range all {
		if rest, ok := strings.CutPrefix(e.text, object+" "); ok {
			out = append(out, rest)
		}
	}
	return out
}

// TestNotify has keepalived and then ours go through the same life in the same lab, and compares what their scripts saw.
func TestNotify(t *testing.T) {
	t.Parallel()
	for _, group := range []bool{false, true} {
		name := map[bool]string{false: "instance", true: "group"}[group]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			long(t)
			l := lab.New(t, lab.Options{Nodes: 2, Spare: true})
			low := lab.File{Routers: notifyRouters(l, 1, 100, group)}
			l.Nodes[1].Start(lab.Keepalived(t), low.Text())
			theirs := life(t, l, lab.Keepalived(t).RunsScripts(t), group)
			mine := life(t, l, ours(t), group)
			compareNotify(t, theirs.calls, mine.calls, group)
			compareLines(t, theirs.lines, mine.lines)
			compareMails(t, theirs.mails, mine.mails)
		})
	}
}

func notifyRouters(l *lab.Lab, node, priority int, group bool) []lab.Router {
	one := media[0].router(l.Nodes[node], l.Nodes[1-node], priority)
	if !group {
		return []lab.Router{one}
	}
	two := one
	two.Name, two.VRID, two.VIPs = "VI_2", 52, []string{"10.0.0.110/24"}
	return []lab.Router{one, two}
}

// life is that of the preferred router: it starts, becomes master, loses a link, gets it back and is stopped.
func life(t *testing.T, l *lab.Lab, p lab.Program, group bool) heard {
	t.Helper()
	a, b := l.Nodes[0], l.Nodes[1]
	d := newDiary(t, t.TempDir())
	e := newListeners(t, l)
	f := lab.File{Global: append([]string{"script_user root"}, e.lines()...), Routers: notifyRouters(l, 0, 200, group)}
	for i := range f.Routers {
		f.Routers[i].Lines = append(f.Routers[i].Lines, d.hooks(f.Routers[i].Name))
	}
	last := len(f.Routers) - 1
	f.Routers[last].Lines = append(f.Routers[last].Lines, "track_interface {\n\t\teth1\n\t}")
	if group {
		f.Groups = []string{"vrrp_sync_group G {\n\tgroup {\n\t\tVI_1\n\t\tVI_2\n\t}\n" + d.hooks("G") + "}"}
	}
	var vrs []lab.VR
	for _, r := range f.Routers {
		vrs = append(vrs, r.VR())
	}
	s := l.Scene(vrs...)
	s.Elect(b, 2*downLow)
	s.Move(a, 2*downHigh, func() { a.Start(p, f.Text()) })
	s.Stay(3 * second / 2) // scripts of the next transition are another burst
	s.Move(b, skewLow+downLow, a.UnplugSpare)
	s.Stay(3 * second / 2) // scripts of the next transition are another burst
	s.Move(a, 2*downHigh, a.PlugSpare)
	s.Stay(3 * second / 2) // scripts of the next transition are another burst
	before := 5            // transitions of each object; the reference lets nobody hear its end
	if group {
		before *= 3
	}
	l.WaitFor("all was heard", second, func() bool { return len(e.read(t)) >= before && len(e.server.Mails()) >= before })
	s.Move(b, skewLow, a.Daemon().Stop)
	s.End()
	return heard{d.settled(t, l, 6), e.read(t), e.server.Mails()}
}

func compareNotify(t *testing.T, theirs, mine []entry, group bool) {
	t.Helper()
	objects := []string{"VI_1", "VI_2", "G"}
	if !group {
		objects = objects[:1]
	}
	for _, object := range objects {
		want, got := transitions(theirs, object), transitions(mine, object)
		if len(want) < 6 {
			t.Fatalf("the reference has called the scripts of %s for %d transitions, not 6: %q", object, len(want), want)
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: scripts of the reference:\n%s\n\nscripts of ours:\n%s", object, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
		t.Logf("the reference's calls for %s, by transition:\n%s", object, strings.Join(want, "\n"))
	}
	if n, m := len(theirs), len(mine); n != m {
		t.Errorf("the reference has called %d scripts, ours %d", n, m)
	}
	if reference() {
		return
	}
	// Ours runs the calls of one object in order: the script of the state, then the general one.
	for _, object := range objects {
		calls := of(mine, object)
		for i := 0; i+1 < len(calls); i += 2 {
			if strings.HasPrefix(calls[i], "any") || !strings.HasPrefix(calls[i+1], "any") ||
				!strings.Contains(calls[i+1], strings.ToUpper(calls[i])) {
				t.Errorf("%s: calls out of order: %q", object, calls)
				break
			}
		}
	}
}
