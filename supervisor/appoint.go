package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/logs"
)

// appointment is a reload at a time that stands in a file (reload_time_file, rule P14). The file is looked at once per tick, and so is
// the wall clock, which may be set at any time.
type appointment struct {
	path    string // empty for none
	reading bool   // somebody looks at the file
	seen    appointed
	at      time.Time // zero for none
}

// appointed is what stood in the file.
type appointed struct {
	exists bool
	text   string
	err    string
}

// maxAppointment is the longest time of day with a date, and what people put behind it.
const maxAppointment = 256

// keepAppointment is called with every tick.
func (s *Supervisor) keepAppointment(now time.Time) {
	a := &s.appointment
	path := ""
	if s.cfg != nil && !s.stopping {
		path = s.cfg.Global.Reload.TimeFile
	}
	if path != a.path {
		if !a.at.IsZero() {
			s.say(logs.Info, "Cancelling the reload scheduled for %s", shown(a.at))
		}
		*a = appointment{path: path}
	}
	if path == "" {
		return
	}
	if !a.at.IsZero() && !now.Before(a.at) {
		s.appointmentCame(now)
		return
	}
	if a.reading {
		return
	}
	a.reading = true
	go func() { // a file system may hang
		got := readAppointed(path)
		s.post(func() { s.appointedRead(path, got, time.Now()) })
	}()
}

// readAppointed reads the file, without waiting for what is no file.
func readAppointed(path string) appointed {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return appointed{}
	}
	if err != nil {
		return appointed{exists: true, err: err.Error()}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAppointment))
	if err != nil {
		return appointed{exists: true, err: err.Error()}
	}
	return appointed{exists: true, text: strings.TrimSpace(string(text))}
}

// appointedRead acts on what stands in the file, if that is new.
func (s *Supervisor) appointedRead(path string, got appointed, now time.Time) {
	a := &s.appointment
	if a.path != path {
		return
	}
	a.reading = false
	if got == a.seen {
		return
	}
	a.seen = got
	var at time.Time
	var err error
	switch {
	case !got.exists:
	case got.err != "":
		err = errors.New(got.err)
	default:
		at, _, err = reloadTime(got.text, now)
	}
	if err != nil {
		s.say(logs.Err, "reload_time_file: %v", err)
	}
	switch was := a.at; {
	case at.IsZero() && !was.IsZero():
		s.say(logs.Info, "Cancelling the reload scheduled for %s", shown(was))
	case !at.IsZero() && was.IsZero():
		s.say(logs.Info, "Scheduling a reload for %s", shown(at))
	case !at.Equal(was):
		s.say(logs.Info, "The scheduled reload is now for %s", shown(at))
	}
	a.at = at
}

// appointmentCame reloads. The file goes, but for one with reload_repeat that has no date: that means every day.
func (s *Supervisor) appointmentCame(now time.Time) {
	a := &s.appointment
	s.say(logs.Info, "Reload scheduled for %s", shown(a.at))
	next, dated, err := reloadTime(a.seen.text, now)
	if err == nil && !dated && s.cfg.Global.Reload.Repeat {
		a.at = next
		s.say(logs.Info, "Scheduling a reload for %s", shown(a.at))
	} else {
		a.at = time.Time{}
		s.endAppointment()
	}
	s.reload()
}

// endAppointment removes the file. If that can't be done, what stands in it counts as seen: not once more for the same.
func (s *Supervisor) endAppointment() {
	a, path := &s.appointment, s.appointment.path
	go func() { // a file system may hang
		err := os.Remove(path)
		s.post(func() {
			switch {
			case a.path != path:
			case err != nil && !errors.Is(err, os.ErrNotExist):
				s.say(logs.Err, "reload_time_file: %v", err)
			case !a.reading: // whoever reads it may still find what was removed
				a.seen = appointed{}
			}
		})
	}()
}

func shown(at time.Time) string { return at.Format("2006-01-02 15:04:05 MST") }

// reloadTime reads HH:MM:SS or [YY]YY-MM-DD HH:MM:SS, in local time or with a Z behind it in UTC. A time without a date is the next such
// time after now.
func reloadTime(text string, now time.Time) (at time.Time, dated bool, err error) {
	where := time.Local
	clock := text
	if rest, utc := strings.CutSuffix(text, "Z"); utc {
		where, clock = time.UTC, strings.TrimSpace(rest)
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "06-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, clock, where); err == nil {
			if !at.After(now) {
				return time.Time{}, true, fmt.Errorf("%q is in the past", text)
			}
			return at, true, nil
		}
	}
	t, err := time.ParseInLocation(time.TimeOnly, clock, where)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("%q is no time: want HH:MM:SS or YYYY-MM-DD HH:MM:SS, with a Z for UTC", text)
	}
	today := now.In(where)
	for day := 0; ; day++ {
		at = time.Date(today.Year(), today.Month(), today.Day()+day, t.Hour(), t.Minute(), t.Second(), 0, where)
		if at.After(now) {
			return at, false, nil
		}
	}
}
