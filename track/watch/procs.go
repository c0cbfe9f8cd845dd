package watch

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/track"
)

// ProcessOptions are what Processes needs. Emit and Say must not block.
type ProcessOptions struct {
	Clock func() clock.Now
	Emit  func(track.State)
	Say   func(source string, line track.Say)
	Proc  string // default /proc
	// Often is how often all processes are looked at while the kernel does not tell of them, Seldom how often else. Defaults 1 s and 60 s.
	Often, Seldom time.Duration
}

// Processes counts the processes of vrrp_track_process blocks (rule J12): once by reading /proc, then as the kernel tells of them, or
// by reading /proc again and again. The methods may be called from any goroutine.
type Processes struct {
	opt  ProcessOptions
	post chan func()
	quit chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	mu     sync.Mutex // guards states and order, which others read
	states map[string]track.State
	order  []string

	// Of the goroutine.
	quorums []*track.Quorum
	events  *eventReader  // nil while /proc is polled
	matched map[int][]int // by pid: which quorums it counts for
	full    bool          // some quorum looks at command lines
	told    string        // the last complaint
}

// NewProcesses makes a Processes with nothing to count.
func NewProcesses(opt ProcessOptions) *Processes {
	if opt.Proc == "" {
		opt.Proc = "/proc"
	}
	if opt.Often <= 0 {
		opt.Often = time.Second
	}
	if opt.Seldom <= 0 {
		opt.Seldom = time.Minute
	}
	w := &Processes{
		opt: opt, post: make(chan func()), quit: make(chan struct{}),
		states: map[string]track.State{}, matched: map[int][]int{},
	}
	w.wg.Go(w.run)
	return w
}

// Apply makes specs what is counted. events is what OpenEvents has given, or nil to go on with what there is; it belongs to the
// Processes from now on. Sources of a reload hold nobody back before they were counted (rule P10).
func (w *Processes) Apply(specs []track.ProcessSpec, events *os.File, reload bool) {
	specs = slices.Clone(specs)
	done := make(chan struct{})
	select {
	case w.post <- func() { w.configure(specs, events, reload); close(done) }:
		<-done
	case <-w.quit:
		if events != nil {
			events.Close()
		}
	}
}

// Each calls f with the state of every source, in the order of the configuration, while no Emit can come in between.
func (w *Processes) Each(f func(track.State)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range w.order {
		f(w.states[name])
	}
}

// Close ends everything.
func (w *Processes) Close() {
	w.once.Do(func() { close(w.quit) })
	w.wg.Wait()
}

func (w *Processes) run() {
	defer func() {
		if w.events != nil {
			w.events.close()
		}
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	look := time.Now() // when /proc is to be read next
	for {
		var told <-chan []procEvent
		if w.events != nil {
			told = w.events.out
		}
		timer.Reset(w.wait(look))
		select {
		case <-w.quit:
			return
		case f := <-w.post:
			f()
			look = time.Now()
		case batch, ok := <-told:
			if !ok {
				w.deaf()
			}
			if batch == nil {
				look = time.Now()
			}
			w.take(batch)
		case <-timer.C:
		}
		w.wake()
		if len(w.quorums) > 0 && !time.Now().Before(look) {
			w.scan()
			look = time.Now().Add(w.opt.Seldom)
			if w.events == nil {
				look = time.Now().Add(w.opt.Often)
			}
		}
	}
}

// wait is how long there is nothing to do.
func (w *Processes) wait(look time.Time) time.Duration {
	d := time.Hour
	if len(w.quorums) > 0 {
		d = min(d, time.Until(look))
	}
	now := w.opt.Clock()
	for _, q := range w.quorums {
		if at, ok := q.Deadline(); ok {
			d = min(d, at.Sub(now.Mono))
		}
	}
	return max(d, 0)
}

// deaf is for events that do not come any more.
func (w *Processes) deaf() {
	w.events.close()
	w.events = nil
	w.opt.Say("", track.Say{Level: track.Warn, Text: fmt.Sprintf("the kernel tells of processes no more: they are looked at every %v", w.opt.Often)})
}

func (w *Processes) configure(specs []track.ProcessSpec, events *os.File, reload bool) {
	switch {
	case events != nil && (w.events != nil || len(specs) == 0):
		events.Close()
	case events != nil:
		w.events = hearEvents(events)
	}
	if len(specs) == 0 && w.events != nil {
		w.events.close()
		w.events = nil
	}
	old := map[string]*track.Quorum{}
	for _, q := range w.quorums {
		old[q.Spec().Name] = q
	}
	w.quorums, w.matched, w.full = nil, map[int][]int{}, false
	w.mu.Lock()
	w.states, w.order = map[string]track.State{}, nil
	w.mu.Unlock()
	for i := range specs {
		spec := &specs[i]
		w.full = w.full || spec.Full
		q := old[spec.Name]
		if q == nil {
			q = track.NewQuorum(*spec, reload)
			w.note(q, true)
		} else {
			w.note(q, false)
			w.perform(q, q.Reconfigure(w.opt.Clock(), *spec))
		}
		w.quorums = append(w.quorums, q)
	}
}

// note keeps the state of a source for others to see.
func (w *Processes) note(q *track.Quorum, tell bool) {
	st := q.State()
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.states[st.Source]; !known {
		w.order = append(w.order, st.Source)
	}
	w.states[st.Source] = st
	if tell {
		w.opt.Emit(st)
	}
}

func (w *Processes) perform(q *track.Quorum, actions []track.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case track.Say:
			w.opt.Say(q.Spec().Name, a)
		case track.Change:
			w.note(q, true)
		}
	}
}

func (w *Processes) wake() {
	now := w.opt.Clock()
	for _, q := range w.quorums {
		w.perform(q, q.Wake(now))
	}
}

// take follows what the kernel tells. Only a program that begins has to be looked at.
func (w *Processes) take(batch []procEvent) {
	changed := false
	for _, e := range batch {
		had := w.matched[e.pid]
		switch e.what {
		case eventFork:
			if of := w.matched[e.parent]; len(of) > 0 { // the child is the same program so far
				w.matched[e.pid] = of
				changed = true
			}
			continue
		case eventExit:
			delete(w.matched, e.pid)
			changed = changed || len(had) > 0
			continue
		case eventComm:
			if len(had) == 0 && !w.full && !w.wanted(e.comm) {
				continue
			}
		}
		changed = w.look(e.pid) || changed
	}
	if changed {
		w.count()
	}
}

// wanted reports whether some quorum counts processes of that name.
func (w *Processes) wanted(comm string) bool {
	return slices.ContainsFunc(w.quorums, func(q *track.Quorum) bool { return q.Spec().Matches(comm, nil) })
}

// look reads what a process is, and reports whether it counts for others than before.
func (w *Processes) look(pid int) (changed bool) {
	had := w.matched[pid]
	of := w.of(pid)
	if slices.Equal(had, of) {
		return false
	}
	if len(of) == 0 {
		delete(w.matched, pid)
	} else {
		w.matched[pid] = of
	}
	return true
}

// of finds the quorums that a process counts for; none if there is no such process, or it is a zombie.
func (w *Processes) of(pid int) (list []int) {
	dir := filepath.Join(w.opt.Proc, strconv.Itoa(pid))
	comm, argv, ok := "", []string(nil), false
	for i, q := range w.quorums {
		if q.Spec().Full && argv == nil {
			argv = commandLine(dir)
		}
		if !q.Spec().Full && !ok {
			if comm, ok = nameOf(dir); !ok {
				return nil
			}
		}
		if q.Spec().Matches(comm, argv) {
			list = append(list, i)
		}
	}
	if len(list) > 0 && isZombie(dir) {
		return nil
	}
	return list
}

// complain tells of what is wrong with /proc, once.
func (w *Processes) complain(text string) {
	if text != w.told {
		w.told = text
		w.opt.Say("", track.Say{Level: track.Warn, Text: "tracked processes: " + text})
	}
}

// scan reads all of /proc.
func (w *Processes) scan() {
	dir, err := os.Open(w.opt.Proc)
	if err != nil {
		w.complain(err.Error())
		return
	}
	defer dir.Close()
	if _, err := os.Stat(filepath.Join(w.opt.Proc, "1", "stat")); err != nil {
		w.complain("processes of other users can't be seen (is /proc mounted with hidepid?): they do not count")
	}
	w.matched = map[int][]int{}
	for {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
				w.look(pid)
			}
		}
		if err != nil {
			break // the end
		}
	}
	w.count()
}

func (w *Processes) count() {
	n := make([]int, len(w.quorums))
	for _, list := range w.matched {
		for _, i := range list {
			n[i]++
		}
	}
	now := w.opt.Clock()
	for i, q := range w.quorums {
		if n[i] != q.Count() || q.State().Status == track.Unknown {
			w.perform(q, q.Counted(now, n[i]))
		}
	}
}

func nameOf(dir string) (comm string, ok bool) {
	text, err := os.ReadFile(dir + "/comm")
	return strings.TrimSuffix(string(text), "\n"), err == nil
}

// maxCommandLine is how much of a command line is compared, in bytes.
const maxCommandLine = 256 << 10

// commandLine gives an empty list, not nil, for a process without one.
func commandLine(dir string) []string {
	f, err := os.Open(dir + "/cmdline")
	if err != nil {
		return []string{}
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, maxCommandLine))
	if len(text) == 0 {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// isZombie reports whether a process has ended and waits for its parent: its state comes after its name, which may hold anything.
func isZombie(dir string) bool {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return true
	}
	i := strings.LastIndexByte(string(text), ')')
	return i < 0 || i+2 >= len(text) || text[i+2] == 'Z' || text[i+2] == 'X'
}
