package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	qemuProgram = "qemu-system-x86_64"
	qemuPackage = "qemu-system-x86"
)

func findQemu() (string, error) {
	if runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("%w: it is a machine of the kind amd64", ErrMissing)
	}
	path, err := exec.LookPath(qemuProgram)
	if err != nil {
		return "", fmt.Errorf("%w: %s is not installed: it is in the package %s", ErrMissing, qemuProgram, qemuPackage)
	}
	return path, nil
}

// arguments are qemu's. Nothing of the user's own configuration counts.
func arguments(image, initrd string, j Job) []string {
	memory := j.Memory
	if memory == 0 {
		memory = 512
	}
	accel := "tcg"
	if j.VirtualTime {
		accel = "tcg,thread=single"
	}
	args := []string{
		"-M", "q35", "-cpu", "max", "-m", strconv.Itoa(memory), "-smp", "1", "-accel", accel,
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none", "-serial", "stdio",
		"-kernel", image, "-initrd", initrd,
		"-append", "console=ttyS0 quiet panic=-1 oops=panic",
	}
	if j.VirtualTime {
		args = append(args, "-icount", fmt.Sprintf("shift=%d,sleep=off", j.Shift), "-rtc", "clock=vm,base=2026-01-01T00:00:00")
	}
	return args
}

// boot runs qemu until it ends or the context does. The kernel ends qemu with this process, however that ends.
func boot(ctx context.Context, qemu string, args []string, console io.Writer) error {
	runtime.LockOSThread() // Pdeathsig is tied to the thread
	defer runtime.UnlockOSThread()
	var complaints strings.Builder
	cmd := exec.CommandContext(ctx, qemu, args...)
	cmd.Stdout, cmd.Stderr = console, &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && complaints.Len() > 0 {
		return fmt.Errorf("qemu: %s", strings.TrimSpace(complaints.String()))
	}
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil // its status says nothing; what counts is the last line
}
