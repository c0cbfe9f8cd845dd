package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"holdfast.dev/status/view"
)

// eventQuery is which events are asked for.
type eventQuery struct {
	limit int
	name  string // of the instance, group or trouble; empty for all
}

// pick are those that are asked for.
func (q *eventQuery) pick(events []view.Event) []view.Event {
	out := []view.Event{}
	for _, e := range events {
		if q.name == "" || e.Name == q.name {
			out = append(out, e)
		}
	}
	return out[max(0, len(out)-q.limit):]
}

func queryOf(r *http.Request) (url.Values, error) { return url.ParseQuery(r.URL.RawQuery) }

// follow tells of events as they come, one JSON object a line: when one is first known, and again whenever more is known of it.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, q eventQuery) {
	if _, known := s.tell.Events(0); !known {
		answer(w, nil, false)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	f := &follower{w: w, control: http.NewResponseController(w), said: map[string][]byte{}, write: s.write}
	_ = f.control.SetReadDeadline(time.Time{}) // nothing more is expected
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	mark := s.tell.Mark()
	events, _ := s.tell.Events(MaxEvents)
	if !f.begin(events, &q) {
		return
	}
	beat := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
		if time.Since(beat) > beatEvery {
			beat = time.Now()
			if !f.say([]byte("\n")) {
				return
			}
		}
		if now := s.tell.Mark(); now != mark || f.waits() {
			mark = now
			events, _ := s.tell.Events(MaxEvents)
			if !f.news(events, &q) {
				return
			}
		}
	}
}

// follower is somebody who is told of events.
type follower struct {
	w       http.ResponseWriter
	control *http.ResponseController
	write   time.Duration     // for each piece
	said    map[string][]byte // what was last said of events, by their number; nil for those that are done
}

// begin tells of the latest events, and notes all others as told.
func (f *follower) begin(events []view.Event, q *eventQuery) bool {
	picked := q.pick(events)
	for i := range events {
		f.said[events[i].ID] = nil
	}
	for i := range picked {
		delete(f.said, picked[i].ID)
	}
	return f.news(events, q)
}

// news tells of what is new. It forgets what is no longer among the events.
func (f *follower) news(events []view.Event, q *eventQuery) bool {
	var out bytes.Buffer
	said := make(map[string][]byte, len(events))
	for i := range events {
		e := &events[i]
		before, known := f.said[e.ID]
		switch {
		case q.name != "" && e.Name != q.name, known && before == nil:
			said[e.ID] = nil
			continue
		}
		line, err := json.Marshal(e)
		if err != nil {
			continue // it is made of numbers and strings
		}
		if !bytes.Equal(line, before) {
			out.Write(append(line, '\n'))
		}
		if said[e.ID] = line; e.Done {
			said[e.ID] = nil
		}
	}
	f.said = said
	return f.say(out.Bytes())
}

// waits reports whether more may become known of something.
func (f *follower) waits() bool {
	for _, line := range f.said {
		if line != nil {
			return true
		}
	}
	return false
}

// say reports whether the other side is still there, and reads.
func (f *follower) say(b []byte) bool {
	_ = f.control.SetWriteDeadline(time.Now().Add(f.write)) // a connection has deadlines
	if _, err := f.w.Write(b); err != nil {
		return false
	}
	return f.control.Flush() == nil
}
