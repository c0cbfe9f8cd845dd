// Package api is the window into the daemon: HTTP with JSON on a unix socket (docs/api.md). It only reads: whatever is asked for comes
// from what the processes show in the memory that they share, and no question reaches an election.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"holdfast.dev/status/view"
)

// Limits of what one daemon serves.
const (
	MaxClients = 64      // connections at a time; more are closed at once
	maxHeader  = 8 << 10 // octets of a request
	// MaxEvents is how many events are told at once.
	MaxEvents = 4096
	readTime  = 5 * time.Second  // for a request
	idleTime  = 30 * time.Second // of a connection between requests
	writeTime = 5 * time.Second  // for each piece of an answer; who reads more slowly is dropped
	// pollEvery is how often news are looked for on behalf of who follows, and beatEvery how often who follows gets an empty line, so that
	// both sides notice when the other is gone.
	pollEvery = 50 * time.Millisecond
	beatEvery = 15 * time.Second
)

// Teller knows the answers. Its methods may be called by several goroutines at a time; nil and false say that there is nothing to tell yet.
type Teller interface {
	Status() (*view.Status, bool)
	Timings() ([]view.Timing, bool)
	// Events are the latest, at most limit, oldest first.
	Events(limit int) ([]view.Event, bool)
	// Mark changes when there may be news among the events.
	Mark() uint64
}

// Server serves one socket.
type Server struct {
	tell  Teller
	http  *http.Server
	conns *limited
	write time.Duration // writeTime
	ended sync.WaitGroup
	stop  chan struct{}
	once  sync.Once
}

// Serve begins to answer on a listening socket, which is the server's from then on.
func Serve(l net.Listener, t Teller) *Server {
	return serveWith(l, t, writeTime)
}

func serveWith(l net.Listener, t Teller, write time.Duration) *Server {
	s := &Server{tell: t, stop: make(chan struct{}), conns: limit(l, MaxClients), write: write}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/status", s.get(s.status))
	mux.HandleFunc("/v1/timings", s.get(s.timings))
	mux.HandleFunc("/v1/events", s.get(s.events))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no %q; there are /v1/status, /v1/events and /v1/timings", r.URL.Path)
	})
	s.http = &http.Server{
		Handler: mux, MaxHeaderBytes: maxHeader, ReadTimeout: readTime, IdleTimeout: idleTime, WriteTimeout: write,
		ErrorLog: silence(),
	}
	s.ended.Go(func() { _ = s.http.Serve(s.conns) }) // it ends with Close
	return s
}

// closeTime is how long answers that are being given may take at the end.
const closeTime = 200 * time.Millisecond

// Close ends all connections and waits.
func (s *Server) Close() {
	s.once.Do(func() { close(s.stop) })
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.ended.Wait()
}

// get lets only questions through, and only with the parameters that there are.
func (s *Server) get(h func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "%s is not for anything here: one can only ask", r.Method)
			return
		}
		h(w, r)
	}
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	if _, ok := parameters(w, r); !ok {
		return
	}
	st, ok := s.tell.Status()
	answer(w, st, ok)
}

func (s *Server) timings(w http.ResponseWriter, r *http.Request) {
	if _, ok := parameters(w, r); !ok {
		return
	}
	t, ok := s.tell.Timings()
	answer(w, struct {
		Timings []view.Timing `json:"timings"`
	}{t}, ok)
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	q, ok := parameters(w, r, "limit", "follow", "name")
	if !ok {
		return
	}
	want := eventQuery{limit: 100, name: q["name"]}
	if text, given := q["limit"]; given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > MaxEvents {
			refuse(w, http.StatusBadRequest, "limit is %q, not a number from 0 to %d", text, MaxEvents)
			return
		}
		want.limit = n
	}
	follow := false
	if text, given := q["follow"]; given {
		var err error
		if follow, err = strconv.ParseBool(text); err != nil {
			refuse(w, http.StatusBadRequest, "follow is %q, neither true nor false", text)
			return
		}
	}
	if follow && r.Method == http.MethodGet {
		s.follow(w, r, want)
		return
	}
	events, known := s.tell.Events(MaxEvents)
	answer(w, struct {
		Events []view.Event `json:"events"`
	}{want.pick(events)}, known)
}

// parameters reads the query, in which each may stand once.
func parameters(w http.ResponseWriter, r *http.Request, known ...string) (map[string]string, bool) {
	out := map[string]string{}
	q, err := queryOf(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the query can't be read: %v", err)
		return nil, false
	}
	for name, values := range q {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		switch {
		case !found && len(known) == 0:
			refuse(w, http.StatusBadRequest, "%s takes no parameters", r.URL.Path)
			return nil, false
		case !found:
			refuse(w, http.StatusBadRequest, "there is no parameter %q; there are %v", name, known)
			return nil, false
		case len(values) > 1:
			refuse(w, http.StatusBadRequest, "%s is given %d times", name, len(values))
			return nil, false
		}
		out[name] = values[0]
	}
	return out, true
}

// Problem is the answer to a question that can't be answered.
type Problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, code int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(Problem{fmt.Sprintf(format, args...)}) // who asked may be gone
}

func answer(w http.ResponseWriter, v any, known bool) {
	if !known {
		refuse(w, http.StatusServiceUnavailable, "the daemon is only starting: no configuration is in force yet")
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "%v", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n')) // who asked may be gone
}
