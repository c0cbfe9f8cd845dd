package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/role"
)

// umaskOf is what the kernel shows of a process (4.7 on).
func umaskOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "Umask:"); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Skip("this kernel does not show the umask of a process")
	return ""
}

// TestUmask: the configuration's, the command line's before that, and keepalived's without either; for the processes too.
func TestUmask(t *testing.T) {
	t.Parallel()
	mask := uint32(0o027)
	for _, c := range []struct {
		name string
		opt  int
		file *uint32
		want string
	}{
		{"neither", -1, nil, "0177"},
		{"file", -1, &mask, "0027"},
		{"option", 0o011, &mask, "0011"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.opt.Umask, h.cfg.Global.Umask = c.opt, c.file
			h.deeds("")
			d := h.start()
			runner := atoi(t, d.wait(`Starting Runner child process, pid=(\d+)`))
			d.wait("Startup complete")
			for _, pid := range []int{d.cmd.Process.Pid, runner} {
				if got := umaskOf(t, pid); got != c.want {
					t.Errorf("process %d has umask %s, want %s", pid, got, c.want)
				}
			}
			other := uint32(0o002)
			h.cfg.Global.Umask = &other
			h.write()
			d.signal(unix.SIGHUP)
			if c.opt < 0 {
				d.wait("umask: the change takes effect for scripts when")
				c.want = "0002"
			}
			d.wait("Reload complete")
			if got := umaskOf(t, d.cmd.Process.Pid); got != c.want {
				t.Errorf("after a reload the umask is %s, want %s", got, c.want)
			}
			d.stop()
		})
	}
}

// TestReloadFile: it is there while a configuration is read and not otherwise; what a killed daemon left of it goes.
func TestReloadFile(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.cfg.Global.Reload.File = true
	sign := filepath.Join(h.dir, "keepalived.reload")
	write(t, sign, "")
	h.deeds("")
	h.cfg.Global.Dirs.State = sign // which the test's loader looks at
	h.write()
	d := h.start()
	d.wait("Startup complete")
	gone := func() bool { _, err := os.Lstat(sign); return os.IsNotExist(err) }
	if !gone() {
		t.Error("it is left from the run before")
	}
	own := filepath.Join(h.dir, "own")
	h.cfg.Global.Reload.FilePath = own
	h.write()
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	if !gone() {
		t.Error("it is still there")
	}
	if mode, _ := os.ReadFile(filepath.Join(h.dir, "seen")); string(mode) != "-rw-r--r--\n" {
		t.Errorf("while the files were read it was %q", mode)
	}
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	d.signal(unix.SIGHUP)
	d.wait("reload_file: open .*/own: is a directory")
	d.wait("Reload complete")
	d.stop()
}

// TestCheckedReload: with reload_check_config any error keeps a configuration from coming into force, at a reload and at the start
// (rule P3), and the findings of a reload are in a file.
func TestCheckedReload(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.cfg.Global.Reload = config.Reload{Check: true, CheckLog: filepath.Join(h.dir, "findings")}
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	h.deeds("mistake")
	d.signal(unix.SIGHUP)
	d.wait("Reload failed, nothing was changed: reload_check_config: .*a mistake")
	if text, err := os.ReadFile(h.cfg.Global.Reload.CheckLog); err != nil || strings.Count(string(text), "a mistake") != 1 {
		t.Errorf("%q, %v", text, err)
	}
	h.deeds("")
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	if text, err := os.ReadFile(h.cfg.Global.Reload.CheckLog); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
	h.cfg.Global.Reload.Check = false
	h.deeds("mistake") // asked for by the one in force
	d.signal(unix.SIGHUP)
	d.wait("Reload failed, nothing was changed: reload_check_config: ")
	d.stop()

	d = h.start()
	d.wait("Startup complete") // nobody asks
	d.stop()
	h.cfg.Global.Reload.Check = true
	h.write()
	d = h.start()
	d.wait("The configuration can't be used: reload_check_config: .*a mistake")
	if code := d.exit(); code != role.ExitConfig {
		t.Error("exit code", code)
	}
}
