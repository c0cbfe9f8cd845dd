package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// notifyLoad is what else happens while scripts are started.
type notifyLoad struct {
	short  string
	name   string
	busy   int
	forks  bool
	global []string
	theirs []string // more of that for keepalived
}

var notifyLoads = []notifyLoad{
	{short: "idle", name: "idle"},
	{short: "loaded", name: "4 busy loops, 200 forks a second", busy: 4, forks: true},
	{short: "rt", name: "4 busy loops, 200 forks a second, vrrp_rt_priority 50", busy: 4, forks: true, global: []string{"vrrp_rt_priority 50"}, theirs: moreTime},
}

// moreTime is what keepalived needs to live through it: it forks for every script at its real-time priority, and with its default of 10 ms the
// kernel kills it when 50 routers become master at once; four seconds later it begins anew and runs their scripts again.
var moreTime = []string{"vrrp_rlimit_rttime 1000000"}

// notifies measures how long after a virtual router's first advert its notify_master does something, where many become master at once. The floor
// is a bare loop that starts the same script as often.
func (b *bench) notifies() error {
	failed := 0
	for _, count := range []int{1, 50, 250} {
		for _, load := range notifyLoads {
			for _, s := range append([]*side{b.floor}, b.sides...) {
				if s.floor && load.global != nil || !b.notify(count, load.short) {
					continue
				}
				if err := b.notifyUnder(s, count, load); err != nil {
					b.report.trouble("notify: %s, %d at once, %s: %v", s.name, count, load.name, err)
					failed++
				}
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d measurements are missing", failed)
	}
	return nil
}

// readNotify reads what is to be measured: counts of scripts, alone or with a load.
func readNotify(text string) (wanted func(count int, load string) bool, err error) {
	if text == "" {
		return func(int, string) bool { return true }, nil
	}
	want := map[string]bool{}
	for _, one := range strings.Split(text, ",") {
		count, load, _ := strings.Cut(one, "/")
		if !slices.Contains([]string{"1", "50", "250"}, count) || !slices.Contains([]string{"", "idle", "loaded", "rt"}, load) {
			return nil, fmt.Errorf("-notify %q: not 1, 50 or 250, or not followed by /idle, /loaded or /rt", one)
		}
		want[one] = true
	}
	return func(count int, load string) bool {
		n := strconv.Itoa(count)
		return want[n] || want[n+"/"+load]
	}, nil
}

// stamps is a script that writes down when it began and what it was given, and the file to which it does.
type stamps struct{ script, file string }

func (b *bench) newStamps() (st stamps, err error) {
	dir, err := os.MkdirTemp(b.dir, "stamps-")
	if err != nil {
		return st, err
	}
	st = stamps{filepath.Join(dir, "stamp.sh"), filepath.Join(dir, "stamps")}
	// The first thing that this shell does is to look at the clock; there is no smaller program that everybody has.
	text := "#!/bin/bash\necho \"$EPOCHREALTIME $1\" >> " + st.file + "\n"
	return st, os.WriteFile(st.script, []byte(text), 0o755)
}

// take reads who began when, in nanoseconds, and forgets it.
func (st *stamps) take() (map[int]int64, error) {
	text, err := os.ReadFile(st.file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	_ = os.Remove(st.file)
	return readStamps(string(text))
}

func readStamps(text string) (map[int]int64, error) {
	out := map[int]int64{}
	for line := range strings.Lines(text) {
		at, who, _ := strings.Cut(strings.TrimSpace(line), " ")
		sec, usec, _ := strings.Cut(strings.Replace(at, ",", ".", 1), ".") // some locales have a comma
		s, err1 := strconv.ParseInt(sec, 10, 64)
		u, err2 := strconv.ParseInt(usec, 10, 64)
		n, err3 := strconv.Atoi(who)
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("the script wrote %q", line)
		}
		out[n] = s*1e9 + u*1e3
	}
	return out, nil
}

func (st *stamps) count() int {
	text, _ := os.ReadFile(st.file)
	return strings.Count(string(text), "\n")
}

func (b *bench) notifyUnder(s *side, count int, load notifyLoad) error {
	st, err := b.newStamps()
	if err != nil {
		return err
	}
	repeat := b.times(map[int]int{1: 20, 50: 6, 250: 3}[count], 1)
	once := func() (notified, error) { return bareScripts(&st, count) }
	if !s.floor {
		w, err := newWorld((&file{count: count}).links())
		if err != nil {
			return err
		}
		defer w.close()
		f := &file{priority: both, interval: time.Second, count: count, global: append([]string{"script_user root"}, load.global...), master: st.script}
		if s.name == theirs {
			f.global = append(f.global, load.theirs...)
		}
		if err := b.start(w.nodes[0], s, f); err != nil {
			return err
		}
		if err := await("all are master", time.Minute, func() bool { return st.count() == count }); err != nil {
			return err
		}
		once = func() (notified, error) { return notifyOnce(w, &st, f) }
	}
	loops, err := busy(load.busy)
	defer loops.end()
	if err != nil {
		return err
	}
	if load.forks {
		defer forks(200)()
	}
	var all notified
	for range repeat {
		one, err := once()
		if err != nil {
			return err
		}
		all.add(&one)
	}
	what := fmt.Sprintf("%d at once, %s", count, load.name)
	b.report.add("from the first advert to the first instruction of notify_master", what, "ms", s.name, all.took...)
	if len(all.errs) > 0 {
		b.report.add("error of the interval between adverts while the scripts start", what, "ms", s.name, all.errs...)
	}
	for i, values := range all.hops {
		b.report.add("of that, by holdfast's own account: "+what, hops[i], "ms", s.name, values...)
	}
	return nil
}

// notified is what was measured, in milliseconds.
type notified struct {
	took, errs []float64
	hops       [][]float64 // per hop; nil where nobody tells
}

func (n *notified) add(o *notified) {
	n.took, n.errs = append(n.took, o.took...), append(n.errs, o.errs...)
	if n.hops == nil {
		n.hops = make([][]float64, len(o.hops))
	}
	for i := range o.hops {
		n.hops[i] = append(n.hops[i], o.hops[i]...)
	}
}

// notifyOnce takes the links of a router away and gives them back: all its instances become master again, at the same time.
func notifyOnce(w *world, st *stamps, f *file) (out notified, err error) {
	for l := range w.links {
		if err := w.fabric.SetDown(portName(0, l)); err != nil {
			return out, err
		}
	}
	time.Sleep(2 * time.Second)
	if _, err := st.take(); err != nil {
		return out, err
	}
	begin := time.Now().UnixNano()
	for l := range w.links {
		if err := w.fabric.SetUp(portName(0, l)); err != nil {
			return out, err
		}
	}
	if err := await("all scripts have run", time.Minute, func() bool { return st.count() == f.count }); err != nil {
		return out, err
	}
	time.Sleep(3 * f.interval / 2) // at least one more advert of each
	began, err := st.take()
	if err != nil {
		return out, err
	}
	first := w.cap.ends(0, begin, false)
	for i := range f.count {
		sent, ok := first[[2]int{i / perLink, i%perLink + 1}]
		if !ok || began[i] == 0 {
			return out, fmt.Errorf("instance %d: no advert, or no script", i)
		}
		out.took = append(out.took, ms(time.Duration(began[i]-sent)))
	}
	last := map[[2]int]int64{}
	for _, a := range w.cap.since(0, begin) {
		key := [2]int{a.link, a.vrid}
		if before := last[key]; before != 0 {
			d := time.Duration(a.at-before) - f.interval
			out.errs = append(out.errs, ms(max(d, -d)))
		}
		last[key] = a.at
	}
	if w.nodes[0].daemon.side.name == ours {
		out.hops, err = w.nodes[0].daemon.askHops(began)
	}
	return out, err
}

// bareScripts starts the script count times, back to back, and measures from the beginning.
func bareScripts(st *stamps, count int) (out notified, err error) {
	if _, err := st.take(); err != nil {
		return out, err
	}
	cmd := exec.Command("/proc/self/exe", "helper-scripts", st.script, strconv.Itoa(count))
	text, err := cmd.Output()
	if err != nil {
		return out, err
	}
	begin, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return out, err
	}
	began, err := st.take()
	if err != nil {
		return out, err
	}
	if len(began) != count {
		return out, fmt.Errorf("%d of %d scripts have run", len(began), count)
	}
	for _, at := range began {
		out.took = append(out.took, ms(time.Duration(at-begin)))
	}
	return out, nil
}

// scriptsMain starts a script so many times, waits for all and prints when it began.
func scriptsMain(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("script, count")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}}
	begin := time.Now().UnixNano()
	var pids []int
	for i := range count {
		pid, err := syscall.ForkExec(args[0], []string{args[0], strconv.Itoa(i)}, attr)
		if err != nil {
			return err
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
			return err
		}
	}
	fmt.Println(begin)
	return nil
}

// forks runs a small program so many times a second until the returned function is called.
func forks(rate int) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				go func() { _ = exec.Command("/bin/true").Run() }()
			}
		}
	}()
	return func() { close(stop); <-done }
}
