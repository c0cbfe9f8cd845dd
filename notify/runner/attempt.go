package runner

import (
	"errors"
	"syscall"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/notify"
	"holdfast.dev/notify/script"
)

// attempt is a notify script on its way. One that could not be started because the machine had no room for it (a full table of processes, no
// memory) was not run: it is tried again, until its time limit has passed or it is told to end. It belongs to the goroutine of Run.
type attempt struct {
	r     *runner
	run   notify.Run
	shown *shown
	began time.Time
	pause time.Duration // before the next try
	wait  *time.Timer   // until then
	last  script.Result
}

// Between two tries.
const (
	firstTry = 50 * time.Millisecond
	maxTry   = time.Second
)

// begin tries to start the script.
func (t *attempt) begin() {
	r, s := t.r, &t.run.Script
	c := script.Command{Args: s.Args, Open: s.Open, UID: s.UID, GID: s.GID, Groups: s.Groups}
	r.jobs[t.run.Job] = r.starter.Start(c,
		func(forked, at clock.Instant) {
			r.post(func() {
				t.shown.began(forked, at)
				r.step(notify.Began{Job: t.run.Job, At: at})
			})
		},
		func(res script.Result) { r.post(func() { t.ended(res) }) })
}

func (t *attempt) ended(res script.Result) {
	t.last = res
	if !crowded(res.Err) || time.Since(t.began)+t.pause > t.run.Script.Limit {
		t.finish()
		return
	}
	if t.pause == firstTry {
		t.r.say(4, 0, string(t.run.Event.Object)+" "+t.run.Event.Name+": "+t.run.What+" "+res.String()+": it is tried again")
	}
	t.r.jobs[t.run.Job] = t
	t.wait = time.AfterFunc(t.pause, func() {
		t.r.post(func() {
			if t.wait != nil {
				t.wait = nil
				t.begin()
			}
		})
	})
	t.pause = min(2*t.pause, maxTry)
}

// Signal ends a script that waits for its next try.
func (t *attempt) Signal(bool) {
	if t.wait == nil {
		return
	}
	t.wait.Stop()
	t.wait = nil
	go t.r.post(t.finish) // the loop is what calls us
}

// finish tells how it ended.
func (t *attempt) finish() {
	delete(t.r.jobs, t.run.Job)
	t.shown.ended(t.last.String())
	t.r.step(notify.Ended{Job: t.run.Job, Fail: t.last.String(), Took: t.last.Took()})
}

// crowded reports whether a script was not started for lack of room.
func crowded(err error) bool {
	for _, no := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}
