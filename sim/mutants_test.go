package sim

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/internal/mutate"
)

var mutants = flag.Bool("mutants", false, "build the simulator with faults put into the engine, and see that it finds them")

// mutant is one fault put into a file of the project.
type mutant struct {
	name, file, old, new string
	ignore               string // a checker that does not count, so that another one has to notice
}

// liveness is what has to notice when the checker of single timers does not count.
const liveness = "timers"

var mutantTable = []mutant{
	{"skew of 255", "vrrp/timers.go", "time.Duration(256-int(p)) * whole / 256", "time.Duration(255-int(p)) * whole / 256", ""},
	{"no skew", "vrrp/timers.go", "*r.interval() + r.skew()", "*r.interval()", ""},
	{"down time of one interval more", "vrrp/timers.go", "return time.Duration(r.spec.DownAdverts)*r.interval()", "return time.Duration(r.spec.DownAdverts+1)*r.interval()", ""},
	{"down time of one interval less", "vrrp/timers.go", "return time.Duration(r.spec.DownAdverts)*r.interval()", "return time.Duration(r.spec.DownAdverts-1)*r.interval()", ""},
	{"learnt interval forgotten", "vrrp/timers.go", "return r.masterInterval\n", "return r.spec.Interval\n", ""},
	{"adverts a tenth too rare", "vrrp/timers.go", "at = at.Add(interval)\n", "at = at.Add(interval * 11 / 10)\n", ""},
	{"adverts twice as often", "vrrp/timers.go", "at = at.Add(interval)\n", "at = at.Add(interval / 2)\n", ""},
	{"priority 0 waits a down time", "vrrp/heard.go", "r.listen(r.skew())", "r.listen(r.downTime())", ""},
	{"priority 0 waits for nothing", "vrrp/heard.go", "r.listen(r.skew())", "r.listen(0)", ""},
	{"three times the down time", "vrrp/timers.go", "return time.Duration(r.spec.DownAdverts)*r.interval()", "return time.Duration(3*r.spec.DownAdverts)*r.interval()", liveness},
	{"twice the down time", "vrrp/timers.go", "return time.Duration(r.spec.DownAdverts)*r.interval()", "return time.Duration(2*r.spec.DownAdverts)*r.interval()", liveness},
	{"start-up delay counted twice", "vrrp/timers.go", "max(r.engine.now.Mono, r.engine.delayEnd).Add(wait)", "max(r.engine.now.Mono, r.engine.delayEnd+r.engine.delayEnd-r.engine.started.Mono).Add(wait)", ""},
	{"deaf after a reload", "vrrp/receive.go", "if e.stopping && !e.Leaving() {", "if e.stopping && !e.Leaving() || e.gen > 2 {", liveness},
	{"tie-break turned round", "vrrp/heard.go", "adv.Priority == r.priority && src.Compare(r.source) > 0:", "adv.Priority == r.priority && src.Compare(r.source) < 0:", ""},
	{"no tie-break", "vrrp/heard.go", "adv.Priority == r.priority && src.Compare(r.source) > 0:", "false:", ""},
	{"equal priority preempts", "vrrp/heard.go", "if adv.Priority >= r.priority {", "if adv.Priority > r.priority {", ""},
	{"never preempts", "vrrp/heard.go", "if r.spec.NoPreempt {\n", "if true {\n", ""},
	{"addresses stay", "vrrp/router.go", "r.keeper.want(false)", "r.keeper.want(true)", ""},
	{"no first advert", "vrrp/router.go", "	r.send(r.priority)\n	r.enter(Master, c)", "	r.enter(Master, c)", ""},
	{"goodbye forgotten", "vrrp/router.go", "	r.send(wire.PriorityRelease)\n	r.becomeBackup", "	r.becomeBackup", ""},
	{"announced before it stands", "vrrp/garp.go", "if !it.standing || silent(link) {", "if silent(link) {", ""},
	{"group without its members", "vrrp/group.go", "if m.state != Master {\n			m.becomeMaster", "if m.state == Fault {\n			m.becomeMaster", ""},
	{"not woken after a suspend", "vrrp/engine.go", "if suspended > shortestPause {", "if suspended > shortestPause && false {", ""},
	{"a reload starts the timer anew", "vrrp/reload.go", "	if reflect.DeepEqual(r.spec, s) {\n", "	if r.downAt != 0 {\n		r.listen(r.downTime())\n	}\n	if reflect.DeepEqual(r.spec, s) {\n", ""},
	{"lost address not put back", "vrrp/lost.go", "		it.holdUntil = 0\n		r.engine.touch(&r.keeper)\n", "		it.holdUntil = 0\n", ""},
	{"driver forgets owners", "node/driver.go", "			d.out.Want(o, gen, want)\n", "			if gen%2 == 1 {\n				d.out.Want(o, gen, want)\n			}\n", ""},
	{"added before deleted", "host/want.go", "late = append(late, it)\n			continue\n", "", ""},
	{"leftovers forgotten after a resume", "vrrp/resume.go", "		r.becomeMaster(Cause{Why: WhyResumed", "		r.keeper.absent = nil\n		r.becomeMaster(Cause{Why: WhyResumed", ""},
	{"confirmed and still held back", "vrrp/keeper.go", "it.err, it.tries, it.holdUntil = \"\", 0, 0", "it.err, it.tries = \"\", 0", ""},
	{"held addresses reported", "host/link.go", "if !s.ours {\n			out.Addrs", "if true {\n			out.Addrs", ""},
	{"lost answers taken for yes", "host/plan.go", "case s != nil && s.vague:", "case s != nil && s.vague && false:", ""},
	{"old adverts count", "transport/arrivals.go", "if age > life {", "if age > life && false {", ""},
	{"overtaken adverts count", "transport/arrivals.go", "if known && sent <= newest || sent == 0 {", "if known && sent == newest || sent == 0 {", ""},
	{"the oldest wins", "transport/outbox.go", "	if !l.taken && s.advert() {\n		o.Replaced++\n", "	if !l.taken && s.advert() {\n		l.until = now.Add(life)\n		o.Replaced++\n		return at\n", ""},
	{"a reset is a death", "transport/suspect.go", "case s.answered() || s.now.Before(due):", "case s.answered() || u.confirms < 2:", ""},
	{"a dial that is answered is no life", "transport/suspect.go", "case s.answered() || s.now.Before(due):", "case s.now.Before(u.begun.Add(confirmGap)):", ""},
	{"late is silence", "transport/suspect.go", "case s.now.Sub(max(due, u.sure)) > lateness:", "case false:", ""},
	{"a goodbye is a death", "transport/session.go", "	case !s.parted.IsZero() && c.node == s.left: // what it has said on one connection goes for all\n		s.dialling.backOff(s)\n	case ev.Why.sudden():", "	case ev.Why.sudden() || ev.Why == Stopping:", ""},
	{"a goodbye is for one connection", "transport/session.go", "s.parted, s.left = s.now, c.node", "s.left = c.node", ""},
	{"old words are news", "transport/outbox.go", "return min(clock.Instant(since), now)", "return now", ""},
	{"dials without end", "transport/dial.go", "return unanswered < inFlight && len(s.dials) < maxDials", "return true", ""},
	{"stalled connections are relied on", "transport/progress.go", "return !s.stalled(c) && s.now.Sub(c.heard) < deafAfter", "return true", ""},
	{"refused for ever longer", "transport/dial.go", "d.back = min(max(d.back*2, firstBack), maxGap)", "d.back = max(d.back*4, firstBack)", ""},
	{"told twice", "vrrp/tell.go", "	if r.toldLast == state {\n		return // told already", "	if false {\n		return // told already", ""},
}

// TestMutants builds the simulator with a fault put into the code, by an overlay, and plays the first seeds: some checker has to fail. It
// takes minutes, so it is asked for with -mutants.
func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("asked for with -mutants")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutantTable {
		t.Run(m.name, func(t *testing.T) { m.run(t, root) })
	}
}

func (m *mutant) run(t *testing.T, root string) {
	path := filepath.Join(root, m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s has %q %d times", m.file, m.old, n)
	}
	dir := t.TempDir()
	overlay, err := mutate.Overlay(dir, path, []byte(strings.Replace(string(text), m.old, m.new, 1)))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "sim")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", bin, "./sim/cmd/holdfast-sim")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(bin, "-from", "1", "-worlds", "4000", "-time", "2m", "-shrink", "0s", "-lines", "1", "-ignore", m.ignore).Output()
	if err == nil {
		t.Fatalf("nobody noticed in 4,000 worlds\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "seed ") {
			t.Logf("%.160s", strings.TrimSpace(line))
			return
		}
	}
	t.Fatalf("no failing seed, but %v\n%s", err, out)
}
