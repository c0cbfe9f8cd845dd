package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// daemon is a running holdfast.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{}
	last []string // the last lines of its log, should it die
}

// program is what runs as the daemons: this program itself.
var program = "/proc/self/exe"

// start runs the daemon of h, as one does by hand: holdfast -n -l -D -f FILE. Every line of its log goes to line.
func start(h *host, dir string, line func(host, text string)) error {
	cmd := exec.Command(program, "-n", "-l", "-D", "-f", h.conf,
		"-p", filepath.Join(dir, h.name+".pid"), "-r", filepath.Join(dir, h.name+".vrrp.pid"))
	cmd.Args[0] = "holdfast"
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	// A process group of its own, so that Ctrl-C is ours to deal with; and should we be killed it ends, too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := h.ns.Start(cmd); err != nil {
		return fmt.Errorf("start the daemon of %s: %w", h.name, err)
	}
	d := &daemon{cmd: cmd, done: make(chan struct{})}
	h.daemon = d
	go func() {
		cmd.Wait() // how it ended is told by the log
		in.Close()
	}()
	go func() {
		defer close(d.done)
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			d.last = append(d.last, scan.Text())
			if len(d.last) > 20 {
				d.last = d.last[1:]
			}
			line(h.name, message(scan.Text()))
		}
	}()
	return nil
}

// message cuts the date off a line of the log ("Sun Nov 22 15:50:22 2026: text").
func message(line string) string {
	const date = len("Sun Nov 22 15:50:22 2026")
	if len(line) > date+2 && line[date] == ':' {
		return strings.TrimSpace(line[date+1:])
	}
	return line
}

// term stops the daemon politely and waits until it has ended.
func (d *daemon) term(ctx context.Context) error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.done:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the daemon did not stop within 10 s")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the daemon and its roles at once, as a power cut does.
func (d *daemon) kill() {
	for _, pid := range tree(d.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
	<-d.done
}
