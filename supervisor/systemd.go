package supervisor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"holdfast.dev/config"
)

// systemd tells the service manager how things are. A goroutine does the telling: the supervisor must not stand still
// because the service manager does. The zero value of the pointer tells nobody.
type systemd struct {
	lines chan string
	done  chan struct{}
	every time.Duration // between two feedings of the watchdog; 0 is no watchdog
	fed   time.Time
	alive bool // a heartbeat was seen since the last feeding
}

func newSystemd() *systemd {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil
	}
	sd := &systemd{lines: make(chan string, 16), done: make(chan struct{})}
	if d, err := daemon.SdWatchdogEnabled(false); err == nil {
		sd.every = d / 3
	}
	go func() {
		defer close(sd.done)
		for line := range sd.lines {
			_, _ = daemon.SdNotify(false, line)
		}
	}()
	return sd
}

func (sd *systemd) tell(lines ...string) {
	if sd == nil {
		return
	}
	select {
	case sd.lines <- strings.Join(lines, "\n"):
	default:
	}
}

// ready says that a configuration is in force. From here on only hearts count that beat from here on.
func (sd *systemd) ready(c *config.Config) {
	if sd == nil {
		return
	}
	sd.alive = false
	text := fmt.Sprintf("STATUS=%d virtual routers in %d groups", len(c.Instances), len(c.Groups))
	sd.tell(daemon.SdNotifyReady, "MAINPID="+strconv.Itoa(os.Getpid()), text)
}

func (sd *systemd) reloading() {
	if sd != nil {
		sd.tell(daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec(), "STATUS=reading the configuration")
	}
}

func (sd *systemd) stopping() { sd.tell(daemon.SdNotifyStopping, "STATUS=handing over") }

func (sd *systemd) failed(code int) { sd.tell("ERRNO="+strconv.Itoa(code), "STATUS=failed") }

// beat is told at every look whether all hearts beat, and feeds the watchdog when it is time.
func (sd *systemd) beat(alive bool) {
	if sd == nil || sd.every <= 0 {
		return
	}
	sd.alive = sd.alive || alive
	// A service manager that does not read shall not miss what is more important because of this.
	if now := time.Now(); sd.alive && now.Sub(sd.fed) >= sd.every && len(sd.lines) < cap(sd.lines)/2 {
		sd.fed, sd.alive = now, false
		sd.tell(daemon.SdNotifyWatchdog)
	}
}

// close waits a moment until all is told.
func (sd *systemd) close() {
	if sd == nil {
		return
	}
	close(sd.lines)
	select {
	case <-sd.done:
	case <-time.After(time.Second):
	}
}
