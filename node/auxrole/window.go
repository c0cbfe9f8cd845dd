package auxrole

import (
	"net"
	"os"
	"sync"
	"time"

	"holdfast.dev/api"
	"holdfast.dev/internal/shm"
	"holdfast.dev/link/poll"
	"holdfast.dev/node/auxrole/selfcheck"
	"holdfast.dev/status"
	"holdfast.dev/status/view"
	"holdfast.dev/supervisor/role"
)

// window is the service that answers questions on the daemon's socket. It is the only one that needs what the supervisor gives with
// [role.Window]; without that it does nothing.
type window struct {
	host   *Host
	ticks  chan struct{} // closed at the end
	ended  sync.WaitGroup
	server *api.Server

	mu      sync.Mutex
	source  *view.Source // without what changes from question to question; nil until there is a configuration
	page    *status.Page
	runs    *status.Runs
	version string
	diary   diary
	late    lateSteps
}

// Window answers questions.
func Window(h *Host) Service {
	w := &window{host: h, ticks: make(chan struct{})}
	h.window = w.open
	return w
}

// open begins to answer: files are the status page, the memory of the runner and the socket. It keeps none of them.
func (w *window) open(m *role.Window, files []*os.File) error {
	page, err := shm.MapRead(files[0], status.Size)
	if err != nil {
		return err
	}
	runs, err := shm.MapRead(files[1], status.RunsSize)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server != nil {
		return nil
	}
	if w.page, err = status.Open(page); err != nil {
		return err
	}
	if w.runs, err = status.OpenRuns(runs); err != nil {
		return err
	}
	l, err := net.FileListener(files[2])
	if err != nil {
		return err
	}
	w.version = m.Version
	w.late.seen = w.page.LastMove()
	w.server = api.Serve(l, w)
	w.ended.Go(w.watch)
	return nil
}

// Prepare has nothing that could fail.
func (w *window) Prepare(*Generation) error { return nil }

// Abort has nothing to forget.
func (w *window) Abort() {}

// Commit shows the new configuration.
func (w *window) Commit(g *Generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.page == nil {
		return
	}
	w.source = &view.Source{
		Version: w.version, Generation: g.Number, Config: g.Config.WithoutSecrets(), Page: w.page, Runs: w.runs, Zone: time.Local,
	}
	w.diary.configured(poll.Now(), g)
}

// Close ends all answers.
func (w *window) Close() {
	close(w.ticks)
	w.ended.Wait()
	w.mu.Lock()
	s := w.server
	w.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

// now is what answers are made of at the moment; nil while there is no configuration.
func (w *window) now() *view.Source {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.source == nil {
		return nil
	}
	s := *w.source
	s.Now, s.Troubles = poll.Now(), w.diary.troubles()
	if w.host.checks != nil {
		s.Checks = w.host.checks()
	}
	return &s
}

// Status answers for api.Teller.
func (w *window) Status() (*view.Status, bool) {
	s := w.now()
	if s == nil {
		return nil, false
	}
	return s.Of(), true
}

// Timings answers for api.Teller.
func (w *window) Timings() ([]view.Timing, bool) {
	s := w.now()
	if s == nil {
		return nil, false
	}
	return s.Timings(), true
}

// Events answers for api.Teller.
func (w *window) Events(limit int) ([]view.Event, bool) {
	s := w.now()
	if s == nil {
		return nil, false
	}
	w.mu.Lock()
	own := w.diary.list()
	w.mu.Unlock()
	return view.Merge(s.Events(limit), own, limit), true
}

// Mark answers for api.Teller.
func (w *window) Mark() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.page.LastMove() + w.runs.Last() + w.diary.last
}

// watchEvery is how often the processes are looked at.
const watchEvery = time.Second

// watch looks for what delays us, and for transitions of which a step was late.
func (w *window) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var check selfcheck.Check
	proc := selfcheck.NewReader("/")
	for {
		select {
		case <-w.ticks:
			return
		case <-tick.C:
		}
		changes := check.Next(proc.Read(time.Duration(poll.Mono()), w.page.PID()))
		w.mu.Lock()
		lines := w.diary.note(poll.Now(), changes)
		source := w.source
		w.mu.Unlock()
		for _, l := range lines {
			w.host.Log(l)
		}
		if source != nil {
			s := *source
			s.Now = poll.Now()
			for _, l := range w.late.look(&s) {
				w.host.Log(l)
			}
		}
	}
}
