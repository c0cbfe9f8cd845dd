package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The times in front of a line: strftime's %c in the C locale on the console, with nanoseconds in files.
const (
	consoleTime = "Mon Jan _2 15:04:05 2006"
	fileTime    = "Mon Jan _2 15:04:05.000000000 2006"
)

func lostLine(next Line, n uint64) Line {
	return Line{
		At: next.At, Ident: next.Ident, PID: next.PID, Level: Warning,
		Text: fmt.Sprintf("%d log lines were lost because they could not be written in time", n),
	}
}

// toFile writes to the file of the line's process: /tmp/keepalived.log has Keepalived's lines, and
// /tmp/keepalived_vrrp.log those of Keepalived_vrrp.
func (l *Log) toFile(line Line) {
	name := FileName(l.set.File, line.Ident)
	f, ok := l.files[name]
	if !ok {
		var err error
		f, err = openFile(name)
		if err != nil {
			return // told at the start by CheckFile; while running there is nobody to tell but the system log
		}
		l.files[name] = f
	}
	_, _ = f.WriteString(line.At.Format(fileTime) + ": " + line.Text + "\n")
}

func (l *Log) closeFiles() {
	for _, f := range l.files {
		f.Close()
	}
}

// CheckFile opens the log file of one process once, to say early what is wrong with it.
func CheckFile(base, ident string) error {
	f, err := openFile(FileName(base, ident))
	if err != nil {
		return err
	}
	return f.Close()
}

// FileName puts what distinguishes an ident from "Keepalived" (role, namespace, instance) before the ending of base.
func FileName(base, ident string) string {
	_, part, _ := strings.Cut(ident, "_")
	if part == "" {
		return base
	}
	ext := filepath.Ext(base)
	return strings.TrimSuffix(base, ext) + "_" + strings.ReplaceAll(part, "/", "_") + ext
}

// openFile opens a log for appending. A link in the last part of the name is refused: the default directory is everybody's.
func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o644)
}

// toConsole is what syslog's LOG_CONS does: the system's console has what the system log could not take.
func toConsole(line Line) {
	fd, err := unix.Open("/dev/console", unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_, _ = unix.Write(fd, fmt.Appendf(nil, "%s[%d]: %s\r\n", line.Ident, line.PID, line.Text))
}
