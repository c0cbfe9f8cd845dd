package sim

import (
	"fmt"
	"io"
	"strings"
)

// Timeline is what happened, one line an event. A nil Timeline keeps nothing.
type Timeline struct {
	lines []string
	// Adverts has every packet in it that is sent, not only those of a change.
	Adverts bool
	// Brief has only what operators do, what goes wrong and the states of virtual routers in it.
	Brief bool
}

// Legend explains the columns.
const Legend = `time        seconds since the world began
node        n1 …, or - for the LAN and the world
what        FAULT begins or ends (#number: leave it out with -drop) · state of a virtual router · sent, an advert
            asked of the kernel · told by the kernel · say, a line of the daemon's log · FAILED, a checker
`

// brief are the kinds of lines of a Timeline that is Brief.
var brief = map[string]bool{"FAULT": true, "FAILED": true, "state": true, "start": true, "end": true, "stop": true, "reload": true}

const timelineLimit = 200_000

func (t *Timeline) line(w *World, node, what, format string, args ...any) {
	if t == nil || len(t.lines) >= timelineLimit || t.Brief && (!brief[what] || node == "-" && strings.HasPrefix(format, "all faults")) {
		return
	}
	text := strings.TrimRight(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "), " ")
	t.lines = append(t.lines, fmt.Sprintf("%11.6f  %-4s  %-6s  %s", w.now.Sub(beginning).Seconds(), node, what, text))
}

// Write writes the last lines, at most limit; all if it is 0.
func (t *Timeline) Write(out io.Writer, limit int) error {
	lines := t.lines
	if limit > 0 && len(lines) > limit {
		if _, err := fmt.Fprintf(out, "… %d lines before\n", len(lines)-limit); err != nil {
			return err
		}
		lines = lines[len(lines)-limit:]
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(out, l); err != nil {
			return err
		}
	}
	return nil
}
