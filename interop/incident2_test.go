package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// side is one of two pairs in the same lab, at the same time.
type side struct {
	name     string
	a, b     *lab.Node
	s        *lab.Scene
	vr       lab.VR
	log, now string // what its scripts have written: every line, and the state that they believe in
	low      lab.File
}

// TestIncident2 rebuilds what people have seen: a router flaps while its scripts are slow, the file system of its checks hangs and somebody makes
// ten thousand processes a second. keepalived and ours go through it in the same seconds. What the scripts believe in the end must be the truth,
// and nobody but the one who flaps may change its state. keepalived runs the scripts of FAULT and BACKUP side by side: the slower has the last word.
func TestIncident2(t *testing.T) {
	if reference() {
		t.Skip("it is one of the two")
	}
	needRoot(t)
	t.Parallel()
	long(t)
	l := lab.New(t, lab.Options{Nodes: 4, Spare: true})
	dir := t.TempDir()
	disk := lab.NewStuck(t, map[string]string{"chk": "#!/bin/sh\nexit 0\n"})
	told := filepath.Join(dir, "told")
	// FAULT takes its time, as an unmount does, and notes what it has done when it has done it.
	writeProgram(t, told, "echo $(date +%s%N) began $4 >>$1.log\n[ $4 = FAULT ] && sleep 3\necho $4 >$1.now\necho $(date +%s%N) ended $4 >>$1.log\n")
	sides := []*side{{name: "keepalived", a: l.Nodes[0], b: l.Nodes[1]}, {name: "holdfast", a: l.Nodes[2], b: l.Nodes[3]}}
	programs := []lab.Program{lab.Keepalived(t).RunsScripts(t), ours(t)}
	for i, x := range sides {
		out := filepath.Join(dir, x.name)
		x.log, x.now = out+".log", out+".now"
		high := lab.Router{
			Name: "VI", State: "BACKUP", Version: 2, VRID: uint8(61 + i), Priority: 200, Interval: second, VIPs: []string{fmt.Sprintf("10.0.0.%d/24", 101+i)},
		}
		low := high
		low.Priority = 100
		high.Lines = []string{"nopreempt", "track_interface {\n\t\teth1\n\t}", fmt.Sprintf("notify \"%s %s\"", told, out)}
		f := lab.File{Global: []string{"script_user root"}}
		checks := "track_script {\n"
		for n := range 20 {
			f.Scripts = append(f.Scripts, fmt.Sprintf("vrrp_script c%d {\n\tscript %s\n\tinterval 1\n\ttimeout 1\n\tweight 1\n}", n, disk.Path("chk")))
			checks += fmt.Sprintf("\t\tc%d\n", n)
		}
		high.Lines = append(high.Lines, checks+"\t}")
		f.Routers = []lab.Router{high}
		x.vr = high.VR()
		x.s = l.Scene(x.vr)
		x.a.Start(programs[i], f.Text())
		x.low = lab.File{Routers: []lab.Router{low}}
	}
	for i, x := range sides {
		x.s.Elect(x.a, 4*second)
		x.b.Start(programs[i], x.low.Text())
	}
	sides[0].s.Stay(downLow)
	flap(l, sides, disk)
	for _, x := range sides {
		x.judge(t, l)
	}
}

// flap is the incident.
func flap(l *lab.Lab, sides []*side, disk *lab.Stuck) {
	l.T.Helper()
	disk.Hang()
	l.WaitFor("the checks of both hang", 5*second, func() bool { return disk.Held() >= 20 })
	rate := make(chan int, 1)
	go func() { rate <- lab.Forks(l.T, 4*second) }()
	for _, x := range sides {
		x.s.Leave(func() {})
	}
	for _, x := range sides {
		x.a.UnplugSpare()
	}
	for _, x := range sides {
		x.s.Elect(x.b, skewLow)
	}
	for _, x := range sides {
		x.a.PlugSpare()
	}
	for _, x := range sides {
		l.WaitFor("all scripts of "+x.name+" have ended", 6*second, func() bool {
			b, _ := os.ReadFile(x.log)
			return strings.Count(string(b), "ended FAULT") == 1 && strings.Count(string(b), "ended BACKUP") == 2
		})
	}
	l.T.Logf("%d processes were made a second", <-rate)
	sides[0].s.Stay(second)
	disk.Release()
}

// judge looks at what the scripts have made of it.
func (x *side) judge(t *testing.T, l *lab.Lab) {
	t.Helper()
	var order []string
	fault := time.Time{}
	for _, e := range (diary{file: x.log}).read(t) {
		if order = append(order, e.text); e.text == "began FAULT" {
			fault = e.at
		}
	}
	b, _ := os.ReadFile(x.now)
	last := strings.TrimSpace(string(b))
	late := "?"
	for _, ad := range l.Adverts(x.vr, fault.Add(-time.Minute), fault.Add(second)) {
		if ad.Node == x.a && ad.Priority == 0 {
			late = fault.Sub(ad.At).Round(time.Millisecond).String()
		}
	}
	t.Logf("%-10s notify for FAULT began %s after its last advert; the scripts: %s; in the end they believe in %s", x.name, late, strings.Join(order, ", "), last)
	if x.name == "holdfast" && (last != "BACKUP" || !strings.HasSuffix(strings.Join(order, ", "), "began FAULT, ended FAULT, began BACKUP, ended BACKUP")) {
		t.Error("that is not the truth, or not the order in which it happened")
	}
}
