package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/lab"
)

// pipeLife is a daemon whose pipe is read by a program that it starts itself.
type pipeLife struct {
	node *lab.Node
	ears *listeners
	dir  string
	file lab.File
}

// has waits until the pipe has a line after the first n.
func (p *pipeLife) has(t *testing.T, l *lab.Lab, n int, line string) {
	t.Helper()
	l.WaitFor(p.node.Name+": "+line, time.Minute, func() bool {
		lines := p.ears.read(t)
		return len(lines) > n && slices.Contains(lines[n:], line+"\n")
	})
}

// TestPipeOverReloads: the installed keepalived and ours write the same lines while priorities change, a reload changes nothing, and another
// removes two instances (rules J15, P8, P11). After every reload keepalived 2.2.7 tells of a priority that has not changed, as if the master were
// a backup.
func TestPipeOverReloads(t *testing.T) {
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 2})
	var both []*pipeLife
	for i, p := range []lab.Program{lab.Keepalived(t).RunsScripts(t), ours(t)} {
		n := &pipeLife{node: l.Nodes[i], ears: newListeners(t, l), dir: t.TempDir()}
		put(t, n.dir, "f", "0")
		n.file = lab.File{
			Global:  append([]string{"script_user root", "vrrp_notify_priority_changes"}, n.ears.lines()...),
			Scripts: []string{fmt.Sprintf("track_file f {\n\tfile %s/f\n}", n.dir)},
		}
		for j, name := range []string{"VI_1", "VI_2", "VI_3"} {
			r := media[0].router(l.Nodes[i], l.Nodes[1-i], 100)
			r.Name, r.VRID, r.VIPs = name, uint8(60+10*i+j), []string{fmt.Sprintf("10.0.0.%d/24", 150+10*i+j)}
			n.file.Routers = append(n.file.Routers, r)
		}
		n.file.Routers[0].Lines = []string{"track_file {\n\t\tf weight 1\n\t}"}
		n.file.Routers[2].Lines = []string{"notify_deleted"}
		n.node.Start(p, n.file.Text())
		both = append(both, n)
	}
	for _, n := range both {
		for _, name := range []string{"VI_1", "VI_2", "VI_3"} {
			n.has(t, l, 0, `INSTANCE "`+name+`" MASTER 100`)
		}
		put(t, n.dir, "f", "7")
		n.has(t, l, 0, `INSTANCE "VI_1" MASTER_PRIORITY 107`)
		skip := len(n.node.Daemon().Log())
		n.node.Daemon().Signal(unix.SIGHUP)
		n.node.Daemon().WaitLog(skip, "Reload complete", time.Minute)
		n.file.Routers = n.file.Routers[:1]
		n.node.Daemon().Reload(n.file.Text())
		n.has(t, l, 0, `INSTANCE "VI_2" FAULT 100`)
		n.has(t, l, 0, `INSTANCE "VI_3" DELETED 100`)
	}
	theirs, mine := both[0].ears.read(t), both[1].ears.read(t)
	for _, name := range []string{"VI_1", "VI_2", "VI_3"} {
		of := func(lines []string) (out []string) {
			for _, line := range lines {
				if strings.Contains(line, name) && !strings.Contains(line, " BACKUP_PRIORITY ") {
					out = append(out, line)
				}
			}
			return out
		}
		if want, got := of(theirs), of(mine); !slices.Equal(want, got) {
			t.Errorf("%s: in the reference's pipe:\n%sin ours:\n%s", name, strings.Join(want, ""), strings.Join(got, ""))
		}
	}
	for _, n := range both {
		n.node.Daemon().Stop()
	}
}
