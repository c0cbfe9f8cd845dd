package supervisor

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A system log that nobody reads costs lines, not time, and once somebody reads again it is told how many. Every line
// bears the name and number of the process that it is from.
func TestSystemLog(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.opt.NoSyslog, h.opt.SyslogPath = false, filepath.Join(h.dir, "log")
	sock, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.opt.SyslogPath, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	fill(t, h.opt.SyslogPath)
	h.deeds("")
	d := h.start()
	vrrp := atoi(t, d.wait(`Starting VRRP child process, pid=(\d+)`))
	d.wait("Startup complete")
	d.signal(unix.SIGHUP)
	d.wait("Reload finished")

	buf := make([]byte, 16<<10)
	// next makes the daemon log something, and reads what is there, until a line with the part arrives. In between nobody reads for a while, longer
	// each time: a line waits for room, and it is the ones behind it that are lost.
	next := func(part string) {
		t.Helper()
		text := ""
		for rest := time.Millisecond; rest < patience; rest *= 2 {
			for range 5 { // more lines than the kernel keeps
				d.signal(unix.SIGHUP)
				d.wait("Reload finished")
			}
			time.Sleep(rest)
			_ = sock.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			for {
				n, err := sock.Read(buf)
				if text += string(buf[:n]) + "\n"; strings.Contains(text, part) {
					return
				}
				if err != nil {
					break
				}
			}
		}
		t.Fatalf("%q did not reach the log", part)
	}
	next(" log lines were lost before this one")
	next(fmt.Sprintf(" Keepalived[%d]: Reloading ...", d.cmd.Process.Pid))
	next(fmt.Sprintf(" Keepalived_vrrp[%d]: vrrp: commit ", vrrp))
	d.stop()
}

// fill puts datagrams into a socket until there is no room for more.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for err == nil {
		err = unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrUnix{Name: path})
	}
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
}
