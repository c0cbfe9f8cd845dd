package main

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// reloads tells a master of 250 instances to read its unchanged file again, and measures the longest silence of any of them and
// what it changes in the kernel.
func (b *bench) reloads() error {
	for _, s := range b.sides {
		if err := b.reload(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (b *bench) reload(s *side) error {
	const group, count = "reload of the same file, 250 instances", 250
	w, err := newWorld(1)
	if err != nil {
		return err
	}
	defer w.close()
	f := &file{priority: both, interval: time.Second, count: count}
	if err := b.pair(w, s, f); err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	var silence, changes, taken []float64
	for range b.times(5, 1) {
		begin := time.Now().UnixNano()
		time.Sleep(2500 * time.Millisecond)
		told := time.Now().UnixNano()
		if err := w.nodes[0].daemon.cmd.Process.Signal(unix.SIGHUP); err != nil {
			return err
		}
		time.Sleep(6 * time.Second)
		silence = append(silence, ms(longestGap(w.cap.since(0, begin))-f.interval))
		changes = append(changes, float64(w.nodes[0].watch.changes(told)))
		taken = append(taken, float64(w.cap.masters(1, told)))
		w.cap.forget()
	}
	b.report.add(group, "longest silence beyond the interval", "ms", s.name, silence...)
	b.report.add(group, "changes that the kernel reports", "", s.name, changes...)
	b.report.add(group, "false take-overs", "", s.name, taken...)
	if n, ok, err := w.writes(); err != nil {
		return err
	} else if ok {
		b.report.add(group, "netlink requests that change something", "", s.name, float64(n))
	}
	return nil
}

// longestGap is the longest time between two adverts of any virtual router.
func longestGap(list []advert) (longest time.Duration) {
	last := map[[2]int]int64{}
	for _, a := range list {
		key := [2]int{a.link, a.vrid}
		if at := last[key]; at != 0 {
			longest = max(longest, time.Duration(a.at-at))
		}
		last[key] = a.at
	}
	return longest
}

// writes reloads once more under strace, which slows everything down but sees every request. ok is false without strace.
func (w *world) writes() (n int, ok bool, err error) {
	path, err := exec.LookPath("strace")
	if err != nil {
		return 0, false, nil //nolint:nilerr // it is not needed for the rest
	}
	args := []string{"-f", "-qq", "-e", "trace=sendto,sendmsg,sendmmsg", "-e", "signal=none"}
	for _, pid := range w.nodes[0].pids() {
		args = append(args, "-p", fmt.Sprint(pid))
	}
	var text strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stderr = &text
	if err := cmd.Start(); err != nil {
		return 0, false, err
	}
	time.Sleep(time.Second) // until it has attached itself
	if err := w.nodes[0].daemon.cmd.Process.Signal(unix.SIGHUP); err != nil {
		return 0, false, err
	}
	time.Sleep(5 * time.Second)
	_ = cmd.Process.Signal(unix.SIGINT)
	_ = cmd.Wait()
	for _, word := range []string{"RTM_NEW", "RTM_DEL", "RTM_SET"} {
		n += strings.Count(text.String(), word)
	}
	return n, true, nil
}
