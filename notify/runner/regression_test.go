package runner

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
