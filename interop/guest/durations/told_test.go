package durations

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/interop/lab"
)

// told is this program as a notify script: it writes down when it began.
func told() {
	now := time.Now()
	if err := os.WriteFile(os.Args[2], []byte(strconv.FormatInt(now.UnixNano(), 10)), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func tellTime(t *testing.T, file string) time.Time {
	t.Helper()
	b, err := os.ReadFile(file)
	nstest.OK(t, err)
	ns, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	nstest.OK(t, err)
	return time.Unix(0, ns)
}

// The notify script runs after the address is there (rule H2). How soon is told; what a program needs to start is in it.
func TestNotifyScript(t *testing.T) {
	both(t, func(t *testing.T, p program) {
		w := newWorld(t, 1)
		r := w.routers[0]
		self, err := os.Executable()
		nstest.OK(t, err)
		file := filepath.Join(r.dir, "told")
		conf, _ := pair([]lab.Router{{
			VRID: 1, Version: 3, Interval: time.Second, Lines: []string{fmt.Sprintf("notify_master %q", self+" told "+file)},
		}})
		conf.Global = []string{"script_user root"}
		r.start(p, conf)
		time.Sleep(conf.Settled() + 2*time.Second)
		first, ok := w.adverts(conf.Routers[0]).first()
		confirmed, done := r.confirmed(conf.Routers[0].VR().VIPs[0])
		if !ok || !done {
			t.Fatalf("master: %v, address confirmed: %v", ok, done)
		}
		began := tellTime(t, file)
		at := time.Now()
		nstest.OK(t, exec.Command(self, "told", file).Run())
		t.Logf("%s: the script began %v after the first advert, %v after the kernel's confirmation; a program takes %v to start",
			p.name, began.Sub(first.at), began.Sub(confirmed), tellTime(t, file).Sub(at))
		if p == ours && began.Before(confirmed) {
			t.Errorf("the script began %v before the address was there", confirmed.Sub(began))
		}
	})
}
