package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// maxRecordings is how many files of recordings there may be beside each other. Nothing is ever overwritten.
const maxRecordings = 10

// createRecording makes a file that is the owner's only: the given name, or if that is taken the name with a number. A link of that name
// counts as taken, wherever it leads.
func createRecording(name string) (*os.File, error) {
	for i := range maxRecordings {
		path := name
		if i > 0 {
			path = fmt.Sprintf("%s.%d", name, i)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%s: there are %d recordings already", name, maxRecordings)
}

// recordingName is where recordings go if the command line does not say: beside the pid file.
func (s *Supervisor) recordingName() string {
	if s.opt.Trace != "" {
		return s.opt.Trace
	}
	return strings.TrimSuffix(s.paths.pid, filepath.Ext(s.paths.pid)) + ".recording"
}

// recordingWait is how long a process that has just begun is kept waiting for the file, so that all of its life is recorded.
const recordingWait = 200 * time.Millisecond

// recordingKey is how the file is called among those that are being opened.
func recordingKey(name string) string { return "recording " + name }

// record has the vrrp role record its elections once there is a file for it. A file system may hang: it is waited for no longer than patience,
// and the recording begins, with all that the role knows by then, when the file is there.
func (s *Supervisor) record(c *child, patience time.Duration) {
	name := s.recordingName()
	if s.opening[recordingKey(name)] {
		return // it will be for whoever is there then
	}
	if s.opening == nil {
		s.opening = map[string]bool{}
	}
	s.opening[recordingKey(name)] = true
	made := make(chan func(), 1)
	go func() {
		f, err := createRecording(name)
		made <- func() {
			delete(s.opening, recordingKey(name))
			s.recordInto(c, f, err)
		}
	}()
	select {
	case do := <-made:
		do()
	case <-time.After(patience):
		go func() { s.post(<-made) }()
	}
}

// recordInto begins a recording in a file that was made for it.
func (s *Supervisor) recordInto(c *child, f *os.File, err error) {
	if err != nil {
		s.say(logs.Err, "The elections can't be recorded: %v", err)
		return
	}
	defer func() { go f.Close() }() // which may hang too
	if c.proc == nil || c.state == leaving {
		s.say(logs.Warning, "There is no VRRP process any more for the recording %s", f.Name())
		return
	}
	c.recording = true
	s.send(c, role.Msg{Record: &role.Record{Name: f.Name(), Limit: role.RecordLimit}}, f)
}

// toggleRecording begins a recording, or ends the one that goes on.
func (s *Supervisor) toggleRecording() {
	c := s.children[role.VRRP]
	switch {
	case c.proc == nil || c.state == leaving:
		s.say(logs.Warning, "There is no VRRP process whose elections could be recorded")
	case c.recording:
		s.send(c, role.Msg{Record: &role.Record{}})
	case s.opening[recordingKey(s.recordingName())]:
		s.say(logs.Warning, "The recording %s has not begun: its file system does not answer", s.recordingName())
	default:
		s.record(c, 0)
	}
}
