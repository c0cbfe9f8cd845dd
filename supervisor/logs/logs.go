// Package logs writes the lines of all processes of the daemon to the system log, the console and files, in keepalived's
// forms (outputs.md section 1). Whoever logs never waits: one goroutine writes, behind a bounded queue.
package logs

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"holdfast.dev/internal/syslog"
	"holdfast.dev/supervisor/role"
)

// Levels of a line; those of log/slog, and Notice and Alert of syslog.
const (
	Debug   = -4
	Info    = 0
	Notice  = 2
	Warning = 4
	Err     = 8
	Alert   = 12
)

// Queue is how many lines may wait to be written. More are counted.
const Queue = 4096

// Settings say where lines go.
type Settings struct {
	Detail   int    // 0, 1 (-D) or 2 (-D -D): lines of a higher detail are left out
	Syslog   string // path of the system log's socket; empty for none (-G)
	Facility syslog.Facility
	Wait     time.Duration // how long one line may wait for room in the system log; 0 is not at all
	Console  io.Writer     // with -n -l; nil for none
	Fallback bool          // -l without -n: /dev/console when the system log is not there
	File     string        // -g; empty for none
}

// Line is one line of one process.
type Line struct {
	At    time.Time // zero is now
	Ident string
	PID   int
	Level int
	Text  string
}

// Log is open until Close. All methods may be called from any goroutine.
type Log struct {
	set   Settings
	lines chan Line
	done  chan struct{}

	mu     sync.Mutex
	closed bool
	lost   uint64

	sys   *syslog.Writer
	files map[string]*os.File
}

// New starts writing.
func New(set Settings) *Log {
	l := &Log{set: set, lines: make(chan Line, Queue), done: make(chan struct{}), files: make(map[string]*os.File)}
	if set.Syslog != "" {
		l.sys = syslog.New(set.Syslog, set.Facility, set.Wait)
	}
	go l.run()
	return l
}

// Detail is how much detail is wanted; see Settings.
func (l *Log) Detail() int { return l.set.Detail }

// Put queues a line. It never waits: when the queue is full, the line is counted and the count is told later.
func (l *Log) Put(line Line) {
	if line.At.IsZero() {
		line.At = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	select {
	case l.lines <- line:
	default:
		l.lost++
	}
}

// Relay writes a role's message under its ident and pid.
func (l *Log) Relay(ident string, pid int, m *role.Log) {
	if m.Dropped > 0 {
		l.lose(m.Dropped)
	}
	if m.Detail > l.set.Detail {
		return
	}
	l.Put(Line{At: time.Unix(0, m.At), Ident: ident, PID: pid, Level: m.Level, Text: m.Text})
}

func (l *Log) lose(n uint64) {
	l.mu.Lock()
	l.lost += n
	l.mu.Unlock()
}

// Close writes what is queued, for at most limit, and gives everything up. Later lines are dropped.
func (l *Log) Close(limit time.Duration) {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	if !already {
		close(l.lines)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
	case <-time.After(limit):
	}
}

func (l *Log) run() {
	defer close(l.done)
	for line := range l.lines {
		if n := l.takeLost(); n > 0 {
			l.write(lostLine(line, n))
		}
		l.write(line)
	}
	if l.sys != nil {
		l.sys.Close()
	}
	for _, f := range l.files {
		f.Close()
	}
}

func (l *Log) takeLost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lost
	l.lost = 0
	return n
}

func (l *Log) write(line Line) {
	text := clean(line.Text)
	if l.set.Console != nil {
		_, _ = io.WriteString(l.set.Console, line.At.Format(consoleTime)+": "+text+"\n")
	}
	if l.set.File != "" {
		l.toFile(line, text)
	}
	if l.sys == nil {
		return
	}
	err := l.sys.Write(line.At, severity(line.Level), line.Ident, line.PID, text)
	if err != nil && l.set.Fallback {
		toConsole(line, text)
	}
}

// clean makes one printable line of what may hold names from a configuration or the output of a crashing program.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return ' '
		}
		return r
	}, s)
}

// severity translates a level.
func severity(level int) syslog.Severity {
	switch {
	case level >= Alert:
		return syslog.Alert
	case level >= Err:
		return syslog.Err
	case level >= Warning:
		return syslog.Warning
	case level >= Notice:
		return syslog.Notice
	case level >= Info:
		return syslog.Info
	}
	return syslog.Debug
}
