package main

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// condition is what else happens while a master sends its adverts.
type condition struct {
	name   string
	busy   int
	global []string
	window time.Duration
}

var conditions = []condition{
	{"idle", 0, nil, 15 * time.Second},
	{"4 busy loops", 4, nil, 15 * time.Second},
	{"4 busy loops, vrrp_rt_priority 50", 4, []string{"vrrp_rt_priority 50"}, time.Minute},
}

// adverts measures how regularly a master sends, how far it drifts, and whether its backup believes it dead.
func (b *bench) adverts() error {
	for _, every := range b.intervals(intervals[1:]) {
		for _, c := range conditions {
			for _, s := range append([]*side{b.floor}, b.sides...) {
				if err := b.regular(s, every, c); err != nil {
					return fmt.Errorf("%s, %v, %s: %w", s.name, every, c.name, err)
				}
			}
		}
	}
	return nil
}

func (b *bench) regular(s *side, every time.Duration, c condition) error {
	w, err := newWorld(1)
	if err != nil {
		return err
	}
	defer w.close()
	f := &file{priority: both, interval: every, count: 1, global: c.global}
	if err := b.pair(w, s, f); err != nil {
		return err
	}
	loops, err := busy(c.busy)
	defer loops.end()
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	begin := time.Now()
	time.Sleep(b.window(c.window))
	list := w.cap.since(0, begin.UnixNano())
	false1 := w.cap.masters(1, begin.UnixNano())
	if len(list) < 3 {
		return fmt.Errorf("only %d adverts", len(list))
	}
	var errs []float64
	for i := range list[1:] {
		d := time.Duration(list[i+1].at-list[i].at) - every
		errs = append(errs, us(max(d, -d)))
	}
	n := len(list) - 1
	drift := (float64(list[n].at-list[0].at)/float64(n)/float64(every) - 1) * 1e6
	if drift < 0 {
		drift = -drift
	}
	what := fmt.Sprintf("every %v, %s", every, c.name)
	b.report.add("error of the interval between adverts", what, "µs", s.name, errs...)
	b.report.add("drift", what, "ppm", s.name, drift)
	if !s.floor {
		b.report.add("false take-overs", what, "", s.name, float64(false1))
	}
	return nil
}

// loops are processes that use all the processor time they get.
type loops []*exec.Cmd

func busy(n int) (l loops, err error) {
	for range n {
		cmd := exec.Command("/proc/self/exe", "helper-busy")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
		if err := cmd.Start(); err != nil {
			return l, err
		}
		l = append(l, cmd)
	}
	return l, nil
}

func (l loops) end() {
	for _, cmd := range l {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
