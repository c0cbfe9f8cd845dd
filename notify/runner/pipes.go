package runner

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"time"

	"holdfast.dev/notify"
	"holdfast.dev/notify/fifo"
	"holdfast.dev/notify/script"
	"holdfast.dev/supervisor/role"
)

// pipes are the named pipes that are told of every event, in the order of the events. All of it belongs to the goroutine of Run.
type pipes struct {
	r    *runner
	gen  uint64           // in force
	list map[string]*pipe // by path
	// early are events that came before the configuration in whose terms they are meant, and those after them.
	early []*notify.Event
	held  map[held]uint64 // acknowledgements that wait for lines to be written
	seen  uint64          // Seq of the last event that was taken
	ended bool            // all of them are to end
}

type held struct {
	object notify.Object
	name   string
}

// pipe is one of them.
type pipe struct {
	spec   notify.PipeSpec
	index  int // in the configuration, for the journal, which guards it; -1 when it is not in it any more
	out    *fifo.Pipe
	reader *script.Process // nil while none runs
	gone   chan struct{}   // closed when that has ended
	began  time.Time
	pause  time.Duration // before the reader is started again
	timer  *time.Timer   // until it is, or until one that has to end is made to
	ending bool          // the pipe goes
}

// From the end of a reader to its next start, doubled each time that it ran for less than a minute.
const (
	readerPause    = time.Second
	maxReaderPause = time.Minute
)

// readerGrace is how long a reader may take to end by itself once nothing more comes.
const readerGrace = time.Second

// maxPipes is how many there may be.
const maxPipes = 32

// maxEarly bounds what waits for a configuration.
const maxEarly = 1 << 14

// commit goes over to the pipes of a generation. A pipe and its reader that are the same in both are not touched.
func (s *pipes) commit(spec *notify.Spec) {
	s.gen = spec.Gen
	s.renumber(spec.Pipes)
	wanted := map[string]bool{}
	for i := range spec.Pipes {
		want := spec.Pipes[i]
		wanted[want.Path] = true
		p := s.list[want.Path]
		if p == nil {
			p = s.add(want, i)
		}
		was := p.spec
		p.spec = want
		if !p.out.Opened() || was.UID != want.UID || was.GID != want.GID {
			p.out.Again()
			s.ask(want.Path)
		}
		if !reflect.DeepEqual(was.Reader, want.Reader) {
			s.replaceReader(p)
		}
	}
	for path, p := range s.list {
		if !wanted[path] {
			delete(s.list, path)
			s.finish(p, readerGrace, func() {})
		}
	}
	early := s.early
	s.early = nil
	for _, ev := range early {
		s.write(ev)
	}
}

// renumber gives the pipes that stay their numbers in a new configuration, in the journal too: a line that was written to one must not count as
// written to another that has its number now.
func (s *pipes) renumber(list []notify.PipeSpec) {
	to := make([]int, maxPipes)
	for i := range to {
		to[i] = -1
	}
	same := true
	place := func(p *pipe) int {
		return slices.IndexFunc(list, func(want notify.PipeSpec) bool { return want.Path == p.spec.Path })
	}
	for _, p := range s.list {
		at := place(p)
		same = same && at == p.index
		if p.index >= 0 {
			to[p.index] = at
		}
	}
	if same {
		return
	}
	s.r.journal.moveBits(to, func() {
		for _, p := range s.list {
			p.index = place(p)
		}
	})
}

func (s *pipes) add(want notify.PipeSpec, index int) *pipe {
	p := &pipe{spec: want, index: index}
	r, path := s.r, want.Path
	p.out = fifo.New(fifo.Options{
		Wrote: func(ev *notify.Event, undone bool) { r.journal.write(ev, &p.index, undone) },
		Moved: func() { r.post(s.release) },
		Dropped: func(n uint64) {
			if n == 0 {
				r.say(4, 0, fmt.Sprintf("named pipe %s: its reader is too slow, the oldest lines are dropped", path))
			} else {
				r.say(4, 0, fmt.Sprintf("named pipe %s: its reader has caught up, %d lines were dropped", path, n))
			}
		},
		Broken: func(err error) { r.say(8, 0, fmt.Sprintf("named pipe %s: %v", path, err)) },
	})
	if s.list == nil {
		s.list = map[string]*pipe{}
	}
	s.list[path] = p
	return p
}

// ask has the supervisor open a pipe.
func (s *pipes) ask(path string) { _ = s.r.ctl.Send(role.Msg{Open: &role.Open{Pipe: path}}) }

// opened takes the supervisor's answer. Only then is there something that the reader can open.
func (s *pipes) opened(m *role.Opened, files []*os.File) {
	p := s.list[m.Pipe]
	switch {
	case p == nil:
		closeAll(files)
	case m.Err != "" || len(files) != 1:
		closeAll(files)
		s.r.say(8, 0, m.Err+": it is told nothing until the next reload")
		p.out.Fail()
		s.release()
	default:
		p.out.Open(files[0])
		s.startReader(p)
	}
}

// take deals with an event that has just come.
func (s *pipes) take(ev *notify.Event) {
	if ev.Seq != 0 && ev.Seq <= s.seen {
		return
	}
	s.seen = max(s.seen, ev.Seq)
	if len(s.early) == 0 && ev.Gen <= s.gen {
		s.write(ev)
		return
	}
	if s.early = append(s.early, ev); len(s.early) > maxEarly {
		s.early = s.early[1:]
	}
}

func (s *pipes) write(ev *notify.Event) {
	for _, p := range s.list {
		if !s.r.journal.written(ev, p.index) {
			p.out.Write(ev)
		}
	}
}

// first is the lowest number of an event that is still to be written somewhere; 0 for none.
func (s *pipes) first() (lowest uint64) {
	lower := func(seq uint64) {
		if seq != 0 && (lowest == 0 || seq < lowest) {
			lowest = seq
		}
	}
	for _, ev := range s.early {
		lower(ev.Seq)
	}
	for _, p := range s.list {
		lower(p.out.First())
	}
	return lowest
}

// ack passes an acknowledgement on, once all lines up to it were written: until then another runner would have to be told again.
func (s *pipes) ack(a notify.Ack) {
	if first := s.first(); first == 0 || a.Seq < first {
		s.r.acknowledge(a)
		return
	}
	if s.held == nil {
		s.held = map[held]uint64{}
	}
	k := held{a.Object, a.Name}
	s.held[k] = max(s.held[k], a.Seq)
}

// release passes on what waits no longer.
func (s *pipes) release() {
	if len(s.held) == 0 {
		return
	}
	first := s.first()
	for k, seq := range s.held {
		if first == 0 || seq < first {
			delete(s.held, k)
			s.r.acknowledge(notify.Ack{Object: k.object, Name: k.name, Seq: seq})
		}
	}
}

// renew forgets the numbers of a former vrrp process.
func (s *pipes) renew() {
	clear(s.held)
	s.seen = 0
	for _, ev := range s.early {
		ev.Seq = 0
	}
	for _, p := range s.list {
		p.out.Renumber()
	}
}

// startReader runs the reader of a pipe, if it has one and none runs. There is never more than one.
func (s *pipes) startReader(p *pipe) {
	if p.spec.Reader == nil || p.reader != nil || p.ending || p.timer != nil {
		return
	}
	c := p.spec.Reader
	p.began, p.gone = time.Now(), make(chan struct{})
	p.reader = s.r.starter.Start(
		script.Command{Args: c.Args, Open: c.Open, UID: c.UID, GID: c.GID, Groups: c.Groups}, nil,
		func(res script.Result) { s.r.post(func() { s.readerEnded(p, &res) }) })
}

// readerEnded starts the reader again, after a pause that grows.
func (s *pipes) readerEnded(p *pipe, res *script.Result) {
	p.reader = nil
	close(p.gone)
	p.stopTimer()
	if p.ending {
		return
	}
	if p.pause = min(max(2*p.pause, readerPause), maxReaderPause); time.Since(p.began) > maxReaderPause {
		p.pause = readerPause
	}
	why := res.String()
	if why == "" {
		why = "ended"
	}
	s.r.say(4, 0, fmt.Sprintf("named pipe %s: its reader %s and is started again in %v", p.spec.Path, why, p.pause))
	p.timer = time.AfterFunc(p.pause, func() {
		s.r.post(func() {
			p.timer = nil
			if p.out.Opened() {
				s.startReader(p)
			}
		})
	})
}

func (p *pipe) stopTimer() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// replaceReader ends the reader that runs; the next begins when it is gone.
func (s *pipes) replaceReader(p *pipe) {
	p.stopTimer()
	p.pause = 0
	old := p.reader
	if old == nil {
		if p.out.Opened() {
			s.startReader(p)
		}
		return
	}
	old.Signal(false)
	p.timer = time.AfterFunc(2*readerGrace, func() { old.Signal(true) })
	p.began = time.Time{} // it did what it was told: no long pause
}

// finish ends a pipe: what waits is written, which takes no longer than within, and a reader of ours reads it. Then that finds the end of
// the file, is told to end, and is killed. done is called by the loop.
func (s *pipes) finish(p *pipe, within time.Duration, done func()) {
	p.ending = true
	p.stopTimer()
	reader, gone := p.reader, p.gone
	go func() {
		p.out.Drain(time.Now().Add(within), reader != nil)
		if n := p.out.Close(); n > 0 {
			s.r.say(4, 0, fmt.Sprintf("named pipe %s: %d lines were not written", p.spec.Path, n))
		}
		for _, kill := range []bool{false, true} {
			if reader != nil && !waitFor(gone, readerGrace) {
				reader.Signal(kill)
			}
		}
		s.r.post(done)
	}()
}

// waitFor waits for c to be closed, but no longer than d.
func waitFor(c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

// finishAll begins to end all pipes, once, and reports whether that is done.
func (s *pipes) finishAll(within time.Duration) bool {
	if !s.ended {
		s.ended = true
		for path, p := range s.list {
			s.finish(p, within, func() { delete(s.list, path) })
		}
	}
	return len(s.list) == 0
}

// close ends what is left when the time to stop is over. Nobody reads what is posted any more.
func (s *pipes) close() {
	for _, p := range s.list {
		p.stopTimer()
		if n := p.out.Close(); n > 0 {
			s.r.say(4, 0, fmt.Sprintf("named pipe %s: %d lines were not written", p.spec.Path, n))
		}
	}
}
