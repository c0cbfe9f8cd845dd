package supervisor

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/supervisor/logs"
)

// phases are the states of a process in words.
var phases = map[state]string{
	down: "not prepared yet", preparing: "prepares a configuration", prepared: "waits for the others", committing: "takes a configuration over", running: "at work",
	leaving: "leaves",
}

// tellAll logs what every process does at the moment, which keepalived's dump of its threads is for (cli.tsv, TDUMP). None of them is asked: one
// that hangs is told of like the others.
func (s *Supervisor) tellAll() {
	s.say(logs.Info, "What is going on, on signal %d:", int(sigThreadDump))
	for _, c := range s.order {
		s.say(logs.Info, "  %s", c.tell(time.Now()))
	}
	for _, line := range s.underWay() {
		s.say(logs.Info, "  %s", line)
	}
	s.say(logs.Info, "  %d goroutines, %d questions wait in the inbox", runtime.NumGoroutine(), len(s.inbox))
}

// tell says what one process does.
func (c *child) tell(now time.Time) string {
	if c.proc == nil {
		text := c.title + " process: there is none"
		if !c.restartAt.IsZero() {
			text += fmt.Sprintf(", it is started in %v", max(c.restartAt.Sub(now), 0).Round(time.Millisecond))
		}
		return text
	}
	text := fmt.Sprintf("%s process %d: %s, generation %d, since %v", c.title, c.proc.pid(), phases[c.state], c.gen, now.Sub(c.born).Round(time.Second))
	if n := len(c.past.deaths); n > 0 {
		text += fmt.Sprintf(", %d died before", n)
	}
	if c.page != nil {
		late, most := c.page.page.Lateness()
		text += fmt.Sprintf(", %d rounds, at the latest %v late, 99 %% within %v", c.page.page.Beat(), late, most)
	}
	if !c.answerBy.IsZero() {
		text += fmt.Sprintf(", has %v to answer", c.answerBy.Sub(now).Round(time.Millisecond))
	}
	if c.recording {
		text += ", is recorded"
	}
	if c.killed {
		text += ", is being killed"
	}
	return text
}

// underWay lists what is under way: scripts that run, and what waits for a file system.
func (s *Supervisor) underWay() (lines []string) {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	mono := clock.Instant(ts.Nano())
	for _, c := range s.order {
		if c.shown == nil {
			continue
		}
		reports := c.shown.AllResults()
		for id, r := range reports {
			if r.Began != 0 && c.proc != nil {
				lines = append(lines, fmt.Sprintf("%s runs for %v, and was told to end %d times", id, mono.Sub(r.Began).Round(time.Millisecond), r.Signals))
			}
		}
		slices.Sort(lines)
	}
	if n := len(s.opening); n > 0 {
		lines = append(lines, "waiting for a file system: "+strings.Join(slices.Sorted(maps.Keys(s.opening)), ", "))
	}
	if s.loading {
		lines = append(lines, "the configuration is being read")
	}
	if n := len(s.prints); n > 0 {
		lines = append(lines, fmt.Sprintf("%d files wait to be written", n))
	}
	return lines
}
