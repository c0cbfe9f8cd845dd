package runner

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

// What went wrong in other VRRP daemons: docs/regressions.md.

func TestRegressionB45_ReloadEndsRunsOfTheOldConfiguration(t *testing.T) {
	s := startRole(t, false, nil)
	dir := t.TempDir()
	hang := func(name string, interval time.Duration) track.Spec {
		return track.Spec{
			Name: name, Args: []string{"/bin/sh", "-c", "echo $$ > " + filepath.Join(dir, name) + "; exec /bin/sleep 1000"},
			Interval: interval, Timeout: time.Hour, UID: uid, GID: gid,
		}
	}
	removed, changed := hang("removed", time.Hour), hang("changed", time.Hour)
	s.configure(1, specs{Track: []track.Spec{removed, changed}}, role.Prepare{})
	s.link()
	running := func(name string) (pid int) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return pid
	}
	until := func(what string, cond func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	until("the scripts do not run", func() bool { return running("removed") > 0 && running("changed") > 0 })
	pids := []int{running("removed"), running("changed")}
	changed.Args = []string{"/bin/true"}
	s.configure(2, specs{Track: []track.Spec{changed}}, role.Prepare{Reload: true})
	until("scripts of the old configuration go on", func() bool {
		for _, pid := range pids {
			if unix.Kill(pid, 0) == nil { // one that ended and that nobody has waited for would be found too
				return false
			}
		}
		return true
	})
}

// A reload that changes the reader ends the old one before the new one begins, and one that changes nothing leaves it alone: every line is
// read once, by one of them.
func TestRegressionF92_OneReaderAtATime(t *testing.T) {
	d, f := newDiary(t), newFIFO(t)
	dir := t.TempDir()
	// A reader that finds another one at work says so. It takes its time to end.
	reader := func(name string) *notify.Script {
		line := `mkdir ` + dir + `/busy || echo "TWO READERS" >>` + d.path + `
trap 'sleep 0.2; rmdir ` + dir + `/busy; exit 0' TERM
echo "` + name + ` begins" >>` + d.path + `
while read -r l; do echo "$l" >>` + d.path + `; done <"$1"`
		return &notify.Script{Args: []string{"/bin/sh", "-c", line, "sh", f.path}, UID: uid, GID: gid}
	}
	s := startRole(t, false, nil)
	s.link()
	for gen := range uint64(3) {
		name := strconv.Itoa(int(gen))
		s.configure(2*gen+1, pipeConf(f, reader(name)), role.Prepare{Reload: gen > 0})
		if gen == 0 {
			f.give(s)
		}
		d.wait(2*int(gen) + 1)
		s.configure(2*gen+2, pipeConf(f, reader(name)), role.Prepare{Reload: true})
		s.event(event(gen+1, notify.Instance, "A", []string{notify.Backup, notify.Master, notify.Fault}[gen]))
		d.wait(2*int(gen) + 2)
	}
	d.want("0 begins", `INSTANCE "A" BACKUP 100`, "1 begins", `INSTANCE "A" MASTER 100`, "2 begins", `INSTANCE "A" FAULT 100`)
}
