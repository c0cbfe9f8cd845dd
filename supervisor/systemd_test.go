package supervisor

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is the service manager's end of the notification socket.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func (h *host) manager() (*manager, func(*exec.Cmd)) {
	h.t.Helper()
	path := filepath.Join(h.dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return &manager{h.t, conn}, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=300000")
	}
}

// next gives the next message that begins with a word, and passes over others.
func (m *manager) next(word string) string {
	m.t.Helper()
	buf := make([]byte, 4096)
	_ = m.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatalf("no %s: %v", word, err)
		}
		if text := string(buf[:n]); strings.HasPrefix(text, word) {
			return text
		}
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("")
	m, env := h.manager()
	d := h.startWith(env)
	if s := m.next("READY=1"); !strings.Contains(s, "MAINPID=") || !strings.Contains(s, "STATUS=0 virtual routers") {
		t.Error(s)
	}
	if d.count("vrrp: commit 1") != 1 || d.count("runner: commit 1") != 1 {
		d.wait("Startup complete") // it is said after both, but may be read before their lines
	}
	m.next("WATCHDOG=1") // a heart beats
	m.next("WATCHDOG=1")
	d.signal(unix.SIGHUP)
	if s := m.next("RELOADING=1"); !strings.Contains(s, "\nMONOTONIC_USEC=") {
		t.Error(s)
	}
	m.next("READY=1")
	h.raw("{")
	d.signal(unix.SIGHUP)
	m.next("RELOADING=1")
	m.next("READY=1") // it goes on with what it had
	d.signal(unix.SIGTERM)
	m.next("STOPPING=1")
	d.exit()

	d = h.startWith(env) // with a file that is broken
	m.next("ERRNO=2")
	d.exit()
	_ = m.conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // everything it said is in the socket by now
	buf := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			break
		}
		if strings.HasPrefix(string(buf[:n]), "READY") {
			t.Error("ready after a failure (regression 128)")
		}
	}
}

// A process that is there but whose loop stands still does not keep the watchdog quiet.
func TestWatchdogWantsAHeartbeat(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.deeds("vrrp:still")
	m, env := h.manager()
	d := h.startWith(env)
	m.next("READY=1")
	buf := make([]byte, 4096)
	_ = m.conn.SetReadDeadline(time.Now().Add(time.Second))
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			break
		}
		if strings.HasPrefix(string(buf[:n]), "WATCHDOG") {
			t.Error("the watchdog was fed while nothing moved")
		}
	}
	h.deeds("")
	d.signal(unix.SIGHUP) // after this one it beats
	m.next("WATCHDOG=1")
	d.stop()
}
