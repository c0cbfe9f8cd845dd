// Package watch runs the vrrp_scripts that package track decides about: one goroutine per script, which owns its machine.
package watch

import (
	"sync"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/track"
)

// Process is a run that is going on. Signal must not block and may come too late.
type Process interface{ Signal(kill bool) }

// Options of a Watcher. All functions but Clock are called from several goroutines; none may block.
type Options struct {
	Clock func() clock.Now
	// Start runs a script; done is called once, with everything of Ended but the number.
	Start func(spec track.Spec, done func(track.Ended)) Process
	// Emit hears of every change, in order per source, and one at a time.
	Emit func(track.State)
	Say  func(source string, line track.Say)
	// Show is told of everything that Report has, one at a time; nil is nobody.
	Show func(name string, r *track.Report)
}

// Watcher runs a set of scripts. Its methods may be called from any goroutine.
type Watcher struct {
	opt Options
	wg  sync.WaitGroup

	mu      sync.Mutex
	scripts map[string]*script
	reports map[string]*track.Report
	order   []string // sources as configured
	closed  bool
}

// script is one vrrp_script with its goroutine.
type script struct {
	w      *Watcher
	name   string
	events chan track.Event
	ended  chan struct{}
	proc   Process
}

// New makes a Watcher with nothing to watch.
func New(opt Options) *Watcher {
	return &Watcher{opt: opt, scripts: make(map[string]*script), reports: make(map[string]*track.Report)}
}

// Apply makes specs the scripts to run: new ones are run at once, those with an unchanged command keep their result, those
// that are not among them are told to end. Sources of a reload hold nobody back until their first result (rule P10).
func (w *Watcher) Apply(specs []track.Spec, reload bool) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	old := w.scripts
	w.scripts, w.order = make(map[string]*script, len(specs)), nil
	type post struct {
		to *script
		ev track.Event
	}
	var posts []post
	for _, spec := range specs {
		if w.scripts[spec.Name] != nil {
			continue // the configuration has made sure that there are no two
		}
		w.order = append(w.order, spec.Name)
		if s := old[spec.Name]; s != nil {
			delete(old, spec.Name)
			w.scripts[spec.Name] = s
			posts = append(posts, post{s, track.Reconfigure{Spec: spec}})
			continue
		}
		w.scripts[spec.Name] = w.start(spec, reload)
	}
	for name, s := range old {
		delete(w.reports, name)
		posts = append(posts, post{s, track.Remove{}})
	}
	w.mu.Unlock()
	for _, p := range posts {
		p.to.post(p.ev)
	}
}

// start makes the goroutine of a new script.
func (w *Watcher) start(spec track.Spec, reload bool) *script {
	s := &script{w: w, name: spec.Name, events: make(chan track.Event), ended: make(chan struct{})}
	m := track.NewScript(spec, w.opt.Clock(), reload)
	w.reports[spec.Name] = &track.Report{State: m.State()}
	w.opt.Emit(m.State())
	w.wg.Go(func() { s.run(m) })
	return s
}

// Each calls f with the state of every source, in the order of the configuration, while no Emit can come in between.
func (w *Watcher) Each(f func(track.State)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range w.order {
		f(w.reports[name].State)
	}
}

// Reports tells of all sources, in the order of the configuration.
func (w *Watcher) Reports() []track.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]track.Report, 0, len(w.order))
	for _, name := range w.order {
		out = append(out, *w.reports[name])
	}
	return out
}

// Close tells all scripts to end and waits until they have: what does not end on SIGTERM gets SIGKILL 2 s later. Whoever
// can't wait that long kills them meanwhile.
func (w *Watcher) Close() {
	w.Apply(nil, false)
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wg.Wait()
}

// post hands an event to the script's goroutine, unless that has ended.
func (s *script) post(ev track.Event) {
	select {
	case s.events <- ev:
	case <-s.ended:
	}
}

func (s *script) run(m *track.Script) {
	defer close(s.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var ev track.Event = track.Wakeup{}
		select {
		case <-timer.C:
		case ev = <-s.events:
		}
		now := s.w.opt.Clock()
		for _, a := range m.Step(now, ev) {
			s.perform(a)
		}
		s.w.show(s, m, now)
		if m.Done() {
			return
		}
		timer.Stop()
		if at, ok := m.Deadline(); ok {
			timer.Reset(at.Sub(now.Mono))
		}
	}
}

func (s *script) perform(a track.Action) {
	switch a := a.(type) {
	case track.Run:
		s.proc = s.w.opt.Start(a.Spec, func(e track.Ended) {
			e.Run = a.Run
			s.post(e)
		})
	case track.Signal:
		s.proc.Signal(a.Kill)
	case track.Change:
		s.w.change(s, a.State)
	case track.Say:
		s.w.opt.Say(s.name, a)
	}
}

// show notes what a step has made of a source, unless that was removed meanwhile.
func (w *Watcher) show(s *script, m *track.Script, now clock.Now) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.scripts[s.name] != s {
		return
	}
	r := w.reports[s.name]
	was := *r
	if m.Report(now, r); *r != was && w.opt.Show != nil {
		w.opt.Show(s.name, r)
	}
}

// change notes and tells a new state, unless the source was removed meanwhile.
func (w *Watcher) change(s *script, st track.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.scripts[s.name] == s {
		w.reports[s.name].State = st
		w.opt.Emit(st)
	}
}
