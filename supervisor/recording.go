package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// record has the vrrp role record its elections.
func (s *Supervisor) record(c *child) {
	f, err := createRecording(s.recordingName())
	if err != nil {
		s.say(logs.Err, "The elections can't be recorded: %v", err)
		return
	}
	defer f.Close()
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
	default:
		s.record(c)
	}
}
