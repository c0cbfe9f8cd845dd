// Package logs writes the lines of all processes of the daemon to the system log, the console and files, in keepalived's
// forms (outputs.md section 1). Whoever logs never waits: for each of the three one goroutine writes, behind a bounded queue, so that
// one that hangs takes none of the others along.
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

// Queue is how many lines may wait to be written to each of the three. More are counted.
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
	sinks []*sink
	sys   *syslog.Writer
	files map[string]*os.File

	mu     sync.Mutex
	closed bool
}

// sink is one of the places that lines go to.
type sink struct {
	lines chan Line
	done  chan struct{}
	write func(Line)
	close func()

	mu   sync.Mutex
	lost uint64
}

// New starts writing.
func New(set Settings) *Log {
	l := &Log{set: set, files: make(map[string]*os.File)}
	if set.Console != nil {
		l.add(l.toTerminal, func() {})
	}
	if set.File != "" {
		l.add(l.toFile, l.closeFiles)
	}
	if set.Syslog != "" {
		l.sys = syslog.New(set.Syslog, set.Facility, set.Wait)
		l.add(l.toSystem, l.sys.Close)
	}
	return l
}

func (l *Log) add(write func(Line), end func()) {
	s := &sink{lines: make(chan Line, Queue), done: make(chan struct{}), write: write, close: end}
	l.sinks = append(l.sinks, s)
	go s.run()
}

// Detail is how much detail is wanted; see Settings.
func (l *Log) Detail() int { return l.set.Detail }

// Put queues a line. It never waits: when the queue is full, the line is counted and the count is told later.
func (l *Log) Put(line Line) {
	if line.At.IsZero() {
		line.At = time.Now()
	}
	line.Text = clean(line.Text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	for _, s := range l.sinks {
		select {
		case s.lines <- line:
		default:
			s.lose(1)
		}
	}
}

// Relay writes a role's message under its ident and pid.
func (l *Log) Relay(ident string, pid int, m *role.Log) {
	if m.Dropped > 0 {
		for _, s := range l.sinks {
			s.lose(m.Dropped)
		}
	}
	if m.Detail > l.set.Detail {
		return
	}
	l.Put(Line{At: time.Unix(0, m.At), Ident: ident, PID: pid, Level: m.Level, Text: m.Text})
}

func (s *sink) lose(n uint64) {
	s.mu.Lock()
	s.lost += n
	s.mu.Unlock()
}

func (s *sink) takeLost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.lost
	s.lost = 0
	return n
}

// Close writes what is queued, for at most limit, and gives everything up. Later lines are dropped.
func (l *Log) Close(limit time.Duration) {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	if !already {
		for _, s := range l.sinks {
			close(s.lines)
		}
	}
	l.mu.Unlock()
	end := time.After(limit)
	for _, s := range l.sinks {
		select {
		case <-s.done:
		case <-end:
			return
		}
	}
}

func (s *sink) run() {
	defer close(s.done)
	for line := range s.lines {
		if n := s.takeLost(); n > 0 {
			s.write(lostLine(line, n))
		}
		s.write(line)
	}
	s.close()
}

func (l *Log) toTerminal(line Line) {
	_, _ = io.WriteString(l.set.Console, line.At.Format(consoleTime)+": "+line.Text+"\n")
}

func (l *Log) toSystem(line Line) {
	err := l.sys.Write(line.At, severity(line.Level), line.Ident, line.PID, line.Text)
	if err != nil && l.set.Fallback {
		toConsole(line)
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
