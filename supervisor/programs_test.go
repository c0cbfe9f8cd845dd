package supervisor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
)

// program runs commands in the place of the real runner of programs.
func program(c *config.Command, within time.Duration, stop <-chan struct{}) error {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(within):
	case <-stop:
	}
	_ = cmd.Process.Kill()
	<-ended
	return errors.New("was ended")
}

func shell(text string) *config.Command {
	return &config.Command{Args: []string{"/bin/sh", "-c", text}}
}

// TestPrograms: one before all processes, one after them; neither's failure matters (rule Q2).
func TestPrograms(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	trace := filepath.Join(h.dir, "trace") // where roles write what they are told
	h.cfg.Global.Programs.Start = shell("echo first >>" + trace + "; exit 3")
	h.cfg.Global.Programs.Stop = shell("echo last >>" + trace)
	h.deeds("")
	d := h.start()
	d.wait("Running startup script ")
	d.wait("startup_script: exit status 3")
	d.wait("Starting VRRP child process")
	d.wait("Startup complete")
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	d.signal(unix.SIGTERM)
	d.wait("Stopping")
	d.wait("Running shutdown script ")
	if code := d.exit(); code != 0 {
		t.Error("exit code", code)
	}
	text, _ := os.ReadFile(trace)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if lines[0] != "first" || lines[len(lines)-1] != "last" || strings.Count(string(text), "first") != 1 {
		t.Errorf("%q", lines)
	}
}

// A program that does not end is ended; and so is one that is running when the daemon shall stop, which then never begins.
func TestProgramWithoutEnd(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.cfg.Global.Programs.Start = shell("exec sleep 1000")
	h.cfg.Global.Programs.StartTimeout = 20 * time.Millisecond
	h.deeds("")
	d := h.start()
	d.wait("startup_script: was ended")
	d.wait("Startup complete")
	d.stop()

	h.cfg.Global.Programs.StartTimeout = time.Hour
	h.write()
	d = h.start()
	d.wait("Running startup script ")
	d.signal(unix.SIGHUP)
	d.stop()
	if d.count("Starting VRRP child") > 0 {
		t.Error("it went on")
	}
	if _, err := os.Lstat(filepath.Join(h.dir, "keepalived.pid")); err == nil {
		t.Error("the pid file was left")
	}
}
