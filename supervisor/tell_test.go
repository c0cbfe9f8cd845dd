package supervisor

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestTellAll: SIGRTMAX has a daemon log what its processes do, whichever of them gets it.
func TestTellAll(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	d.signal(unix.SIGHUP)
	d.wait("Reload finished")
	d.signal(unix.Signal(64))
	d.wait(`What is going on, on signal 64:`)
	if got := atoi(t, d.wait(`  VRRP process (\d+): at work, generation 2, since .*, \d+ rounds, `)); got != vrrp {
		t.Errorf("the VRRP process is %d, not %d", got, vrrp)
	}
	d.wait(`  Runner process \d+: at work`)
	d.wait(`  \d+ goroutines`)
	d.stop()
}
