package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// output is a buffer that calls back when a text has been written to it.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	watch string
	seen  func()
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if o.watch != "" && strings.Contains(o.text.String(), o.watch) {
		o.watch = ""
		o.seen()
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// scene builds the daemon and returns a check that nothing is left of it.
func scene(t *testing.T) (clean func()) {
	t.Helper()
	if err := netns.Able(); err != nil {
		t.Skipf("network namespaces can't be made here: %v", err)
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "holdfast")
	build := exec.Command("go", "build", "-o", bin, "holdfast.dev/cmd/holdfast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program = bin
	scratch := filepath.Join(dir, "tmp")
	nstest.OK(t, os.Mkdir(scratch, 0o700))
	t.Setenv("TMPDIR", scratch)
	fds, routines := descriptors(t), runtime.NumGoroutine()
	return func() {
		t.Helper()
		left, err := os.ReadDir(scratch)
		nstest.OK(t, err)
		if len(left) != 0 {
			t.Errorf("files are left: %v", left)
		}
		nstest.Eventually(t, "its processes have ended", func() bool { return len(running(bin)) == 0 })
		nstest.Eventually(t, "its namespaces are gone, and what held them", func() bool {
			return descriptors(t) <= fds && runtime.NumGoroutine() <= routines
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	nstest.OK(t, err)
	return len(entries)
}

// running lists the processes of a program.
func running(bin string) (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, l := range links {
		if exe, err := os.Readlink(l); err == nil && exe == bin {
			pids = append(pids, filepath.Base(filepath.Dir(l)))
		}
	}
	return pids
}

// TestDemo: the whole of it, as somebody would watch it.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 25 s")
	}
	clean := scene(t)
	out := &output{}
	err := Run(t.Context(), out)
	clean()
	text := out.String()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// What one of them does has an order; whose line is printed first of two processes' at the same moment has none.
	for _, order := range [][]string{
		{
			"alpha   is MASTER", "alpha's cable is unplugged", "plugged in again", "alpha   is MASTER", "told to stop", "alpha   says goodbye",
			"started again", "alpha   is MASTER", "alpha is dead", "What the client noticed", "alpha's power fails",
		},
		{"alpha's cable is unplugged", "beta    is MASTER", "told to stop", "beta    hears the goodbye", "beta    is MASTER", "alpha is dead", "beta    is MASTER"},
		{"client  is answered by alpha", "client  is answered by beta", "client  is answered by alpha", "client  is answered by beta"},
	} {
		at := 0
		for _, want := range order {
			i := strings.Index(text[at:], want)
			if i < 0 {
				t.Fatalf("%q is missing, or comes too early:\n%s", want, text)
			}
			at += i + len(want)
		}
	}
	if strings.Count(text, "  ok") != 4 {
		t.Errorf("not everything went as expected:\n%s", text)
	}
}

// TestDemoIsInterrupted: at the beginning, in the middle, and while a daemon stops.
func TestDemoIsInterrupted(t *testing.T) {
	for i, when := range []string{"", "Both routers start", "alpha   is MASTER"} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if when != "" && testing.Short() {
				t.Skip("it takes some seconds")
			}
			clean := scene(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &output{watch: when, seen: cancel}
			if when == "" {
				cancel()
			}
			err := Run(ctx, out)
			if err == nil || err.Error() != "interrupted" {
				t.Errorf("%v\n%s", err, out)
			}
			clean()
		})
	}
}

// TestTimeline: what happened at the same time is told as cause and effect, whatever way it came.
func TestTimeline(t *testing.T) {
	var out bytes.Buffer
	tl := newTimeline(&out)
	tl.start = time.Now().Add(-time.Hour)
	tl.mu.Lock()
	tl.pending = []happening{{2e9, 2, "client", "c"}, {2e9, 1, "beta", "b1"}, {1e9, 1, "alpha", "a"}, {2e9, 0, "", "***"}, {2e9, 1, "beta", "b2"}}
	tl.mu.Unlock()
	tl.text("end")
	tl.say("client", "%d %%", 5)
	tl.close()
	lines := strings.Split(out.String(), "\n")
	var order []string
	for _, l := range lines[:5] {
		f := strings.Fields(l)
		order = append(order, f[len(f)-1])
	}
	if got := strings.Join(order, " "); got != "a *** b1 b2 c" || lines[5] != "end" || !strings.HasSuffix(lines[6], "client  5 %") {
		t.Errorf("%q\n%s", got, out.String())
	}
}
