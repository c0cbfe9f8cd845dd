package auxrole

import (
	"os"

	"holdfast.dev/clock"
	"holdfast.dev/link/poll"
	"holdfast.dev/node"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
	"holdfast.dev/track/watch"
	"holdfast.dev/track/watch/probe"
)

// trackers watches files and processes and makes the built-in checks.
type trackers struct {
	host   *Host
	files  *watch.Files
	procs  *watch.Processes
	checks *watch.Watcher
}

// Trackers is the service that tells the vrrp role of everything that is tracked without a script.
func Trackers(h *Host) Service {
	say := func(_ string, line track.Say) { h.Say(int(line.Level), line.Detail, line.Text) }
	now := func() clock.Now { return poll.Now() }
	t := &trackers{
		host:  h,
		files: watch.NewFiles(watch.FileOptions{Emit: h.Tell, Say: say, Ask: h.Open}),
		procs: watch.NewProcesses(watch.ProcessOptions{Clock: now, Emit: h.Tell, Say: say}),
		checks: watch.New(watch.Options{
			Clock: now, Emit: h.Tell, Say: say,
			Start: func(s track.Spec, done func(track.Ended)) watch.Process { return probe.Start(s.Probe, done) },
		}),
	}
	h.OnMeet(t.met)
	h.checks = t.checks.Reports
	return t
}

// met tells a new process of the vrrp role all that is known.
func (t *trackers) met(name role.Name, conn *role.Conn) {
	if name != role.VRRP {
		return
	}
	send := func(st track.State) { _ = conn.Send(role.Msg{Track: &st}) }
	t.files.Each(send)
	t.procs.Each(send)
	t.checks.Each(send)
}

// Prepare has nothing that could fail: what can't be watched is a state of its source.
func (t *trackers) Prepare(*Generation) error { return nil }

// Abort has nothing to forget.
func (t *trackers) Abort() {}

// Commit watches what the configuration tracks.
func (t *trackers) Commit(g *Generation) {
	var events *os.File
	events, g.Events = g.Events, nil
	t.files.Apply(node.FileSpecs(g.Config), g.Reload)
	t.procs.Apply(node.ProcessSpecs(g.Config), events, g.Reload)
	t.checks.Apply(node.CheckSpecs(g.Config), g.Reload)
}

// Close ends all watching.
func (t *trackers) Close() {
	t.checks.Close()
	t.procs.Close()
	t.files.Close()
}
