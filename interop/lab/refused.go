package lab

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Refused lists the system calls that processes of Holdfast's program were refused by their filter, as far as the kernel's log can be
// read and still has them.
func Refused() (lines []string) {
	if built == "" {
		return nil
	}
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // not for everybody
	}
	defer unix.Close(fd)
	exe := "exe=" + strconv.Quote(filepath.Join(built, "holdfast"))
	record := make([]byte, 8192)
	for {
		n, err := unix.Read(fd, record)
		switch {
		case errors.Is(err, unix.EPIPE): // overwritten meanwhile; the next read goes on with what is there
			continue
		case err != nil || n <= 0:
			return lines
		}
		_, text, _ := strings.Cut(strings.TrimSpace(string(record[:n])), ";")
		if strings.Contains(text, "type="+strconv.Itoa(unix.AUDIT_SECCOMP)+" ") && strings.Contains(text, exe) {
			lines = append(lines, text)
		}
	}
}
