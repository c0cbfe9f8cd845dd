package lab

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Forks has processes made that end at once, as fast as two shells can, and returns how many there were a second on this machine.
func Forks(t testing.TB, during time.Duration) (perSecond int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	from, before := time.Now(), forked(t)
	var shells []*exec.Cmd
	for range 2 {
		c := exec.CommandContext(ctx, "/bin/sh", "-c", "while :; do (:); done")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		shells = append(shells, c)
	}
	for _, c := range shells {
		_ = c.Wait() // it was killed
	}
	return int(float64(forked(t)-before) / time.Since(from).Seconds())
}

// forked is how many processes there were since the machine was started.
func forked(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if word, ok := strings.CutPrefix(line, "processes "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(word))
			return n
		}
	}
	t.Fatal("/proc/stat does not count processes")
	return 0
}
