package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// TestSamePriority gives keepalived and ours the same trackers, and what they track the same states: both end with the same priority
// (rules J1 and J11), each as the only router of its group.
func TestSamePriority(t *testing.T) {
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2, Spare: true})
	programs := []lab.Program{ours(t), lab.Keepalived(t)}
	var dirs []string
	var vrs []lab.VR
	for i, p := range programs {
		dir := t.TempDir()
		dirs = append(dirs, dir)
		for _, name := range []string{"a", "b"} {
			put(t, dir, name, "0")
		}
		file := lab.File{Scripts: []string{
			fmt.Sprintf("track_file a {\n\tfile %s/a\n\tweight 2\n}", dir), fmt.Sprintf("track_file b {\n\tfile %s/b\n}", dir),
		}}
		r := media[0].router(l.Nodes[i], l.Nodes[1-i], 100)
		r.VRID, r.VIPs = uint8(60+i), []string{fmt.Sprintf("10.0.0.%d/24", 150+i)}
		r.Lines = append(r.Lines, "track_file {\n\t\ta\n\t\tb weight 3 reverse\n\t}", "track_interface {\n\t\teth1 weight -20\n\t}")
		file.Routers = []lab.Router{r}
		vrs = append(vrs, r.VR())
		l.Nodes[i].Start(p, file.Text())
	}
	for _, c := range []struct {
		a, b string
		plug func(n *lab.Node)
		want int
	}{
		{"0", "0", nil, 100},
		{"5", "0", nil, 110},
		{"5", "4", nil, 98},
		{"5", "4", (*lab.Node).UnplugSpare, 78},
		{" -20 and more", "4", nil, 28},
		{"1000", "80", nil, 93}, // 253 at most of one file
		{"1000", "80", (*lab.Node).PlugSpare, 113},
		{"no number", "", nil, 100},
		{"100", "-100", nil, 254},
	} {
		for i, n := range l.Nodes {
			put(t, dirs[i], "a", c.a)
			put(t, dirs[i], "b", c.b)
			if c.plug != nil {
				c.plug(n)
			}
		}
		for i, p := range programs {
			l.WaitFor(fmt.Sprintf("%s has priority %d with %q and %q", p.Name, c.want, c.a, c.b), 10*time.Second, func() bool {
				now := time.Now()
				adverts := l.Adverts(vrs[i], now.Add(-3*time.Second), now)
				return len(adverts) > 0 && int(adverts[len(adverts)-1].Priority) == c.want
			})
		}
	}
}

// put replaces a tracked file at once, so that nobody reads half of it.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	next := filepath.Join(dir, "next")
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
