package interop

import (
	"strings"
	"testing"
	"time"
)

// TestLeftBehind: whichever processes of a daemon are killed, what is left of it removes what the daemon had in the kernel; where nothing is left
// that could, the next start does, and says so. The other node has the addresses meanwhile, and what the first one said last was never a lie: it has
// not died where it could still hand over.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	long(t)
	c := newCarriedLab(t, media[3], "transport tcp", "fast_fail on",
		"virtual_routes {\n\t\t10.77.0.0/16 dev eth0\n\t}", "virtual_rules {\n\t\tfrom 10.77.0.0/16 table 100 priority 2077\n\t}")
	for _, k := range []struct {
		what string
		but  []string // what is not killed
		told string   // the other node says
		left bool     // nobody can remove anything
	}{
		{what: "the supervisor", but: []string{"holdfast-vrrp", "holdfast-carry", "holdfast-runner"}, told: "hands over to us"},
		{what: "all but the vrrp role", but: []string{"holdfast-vrrp"}, told: "is dead"},
		{what: "the supervisor and the vrrp role", but: []string{"holdfast-carry", "holdfast-runner"}, told: "is dead"},
		{what: "all but the runner", but: []string{"holdfast-runner"}, told: "is dead"},
		{what: "all but the carrier", but: []string{"holdfast-carry"}, told: "is dead", left: true},
		{what: "everything", told: "is dead", left: true},
	} {
		for _, name := range k.but {
			if process(c.a, name) == 0 {
				t.Fatalf("there is no %s", name)
			}
		}
		var from time.Time
		log := c.moved(k.what+" is killed", func() time.Time {
			from = c.a.KillAllBut(k.but...)
			return from
		})
		if !strings.Contains(log, k.told) {
			t.Errorf("%s: the other node does not say %q:\n%s", k.what, k.told, log)
		}
		if !k.left {
			c.clean(k.what, from)
		}
		c.WaitFor("what is left of the daemon ends", carriedWait, func() bool { return len(c.a.Pids()) == 0 })
		if len(c.a.Foreign()) > 0 != k.left {
			t.Errorf("%s is killed: there are the addresses %v", k.what, c.a.Foreign())
		}
		c.start(c.a, 0)
		said := c.a.Daemon().Log()
		_, removed, _ := strings.Cut(said, "removed what an earlier run has left: ")
		if removed, _, _ = strings.Cut(removed, "\n"); strings.Contains(removed, "10.0.0.100/24 on eth0") != k.left {
			t.Errorf("%s was killed, and the next start says:\n%s", k.what, said)
		}
	}
}

// clean waits until nothing of the master's daemon is in its kernel, and tells how long that took.
func (c *carriedLab) clean(what string, from time.Time) {
	c.T.Helper()
	c.WaitFor("nothing is left behind: "+what, carriedWait, func() bool {
		return len(c.a.Foreign()) == 0 && len(tables(c.T, c.a)) == 0
	})
	c.T.Logf("%s killed: the addresses are gone %v later", what, deleted(c.a.Changes(from)).Sub(from).Round(100*time.Microsecond))
}
