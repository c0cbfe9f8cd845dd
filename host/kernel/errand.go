package kernel

import (
	"sync"

	"holdfast.dev/host"
)

// errands are what is to be done to the firewall by running programs, which this process does not: somebody else is asked, and answers
// later.
type errands struct {
	run func(id uint64, op *host.WallOp) // must not wait; nil if there is nobody

	mu      sync.Mutex
	id      uint64         // of the latest
	open    bool           // it was not answered yet
	answer  *host.OpResult // for Poll
	changed bool           // for Poll: somebody else has changed it
}

// ask hands an operation on.
func (e *errands) ask(op *host.WallOp) host.OpResult {
	if e.run == nil {
		return host.OpResult{Outcome: host.Refused, Text: "nobody here can run iptables"}
	}
	e.mu.Lock()
	e.id++
	id := e.id
	e.open = true
	e.mu.Unlock()
	e.run(id, op)
	return host.OpResult{Outcome: host.Later}
}

// take keeps an answer for Poll, unless it is one to an earlier question. An empty text is success.
func (e *errands) take(id uint64, res host.OpResult) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open && id == e.id {
		e.open, e.answer = false, &res
	}
}

// doubt notes that the firewall may not be as it was left.
func (e *errands) doubt() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed = true
}

// poll appends what there is to tell.
func (e *errands) poll(events []host.Event) []host.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.answer != nil {
		events = append(events, host.Event{Kind: host.WallAnswered, Answer: *e.answer})
		e.answer = nil
	}
	if e.changed {
		events = append(events, host.Event{Kind: host.WallChanged})
		e.changed = false
	}
	return events
}

// WallDone is the answer to the operation on the firewall with that number (Config.Run): nil, or why it was not carried out. Lost is for an
// answer that did not come. It does not wait; answers to earlier operations are left out.
func (w *Writer) WallDone(id uint64, err error, lost bool) {
	res := host.OpResult{}
	switch {
	case err != nil && lost:
		res = host.OpResult{Outcome: host.Unknown, Text: err.Error()}
	case err != nil:
		res = host.OpResult{Outcome: host.Refused, Text: err.Error()}
	}
	w.m.errands.take(id, res)
	w.poke()
}

// WallChanged says that somebody else has changed what Config.Run had done. It does not wait.
func (w *Writer) WallChanged() {
	w.m.errands.doubt()
	w.poke()
}

// poke ends a wait, unless the Writer is closed.
func (w *Writer) poke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.wake()
	}
}
