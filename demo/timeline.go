package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// timeline prints what happens, one line an event, with the time since the demonstration began.
type timeline struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func (t *timeline) say(who, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%8.3f s  %-7s %s\n", time.Since(t.start).Seconds(), who, fmt.Sprintf(format, args...))
}

func (t *timeline) title(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(t.out, "\n%s\n%s\n", text, strings.Repeat("-", len(text)))
}

func (t *timeline) text(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format+"\n", args...)
}

// explained are the lines of the log that matter here, with what they mean.
var explained = []struct{ part, meaning string }{
	{"Entering BACKUP STATE", "BACKUP: listening to the master's adverts"},
	{"Entering MASTER STATE", "MASTER: takes the address, tells the network by gratuitous ARP"},
	{"Entering FAULT STATE", "FAULT: cannot serve, takes no part"},
	{"Receive advertisement timeout", "has waited its time for an advert, in vain"},
	{"with higher priority", "hears a router of higher priority and yields"},
	{"received lower priority", "hears a master of lower priority than its own, and will replace it"},
	{"sent 0 priority", "tells the others that it leaves (an advert with priority 0)"},
	{"the addresses stay until", "keeps answering for the address until somebody has taken over"},
	{"all addresses have been taken over", "sees that the address is taken over, and gives it up"},
	{"has taken over: the addresses are given up", "hears its successor, and gives the address up"},
	{"Backup received priority 0", "hears that the master leaves"},
	{"Netlink reports eth0 down", "its cable is unplugged"},
	{"interface eth0 down", "its cable is unplugged"},
}

// meaning translates a line of a daemon's log; empty if it does not matter here.
func meaning(line string) string {
	for _, e := range explained {
		if strings.Contains(line, e.part) {
			return e.meaning
		}
	}
	return ""
}
