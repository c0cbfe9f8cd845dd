package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast.dev/status/view"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// teller is a daemon with events that a test adds.
type teller struct {
	mu     sync.Mutex
	events []view.Event
	mark   uint64
	silent bool
}

func (t *teller) Status() (*view.Status, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &view.Status{Version: "v", Instances: []view.Instance{{Name: "VI_1", State: "MASTER"}}}, !t.silent
}

func (t *teller) Timings() ([]view.Timing, bool) { return []view.Timing{{Name: "kernel"}}, true }

func (t *teller) Events(limit int) ([]view.Event, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append([]view.Event(nil), t.events...)
	return out[max(0, len(out)-limit):], !t.silent
}

func (t *teller) Mark() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mark
}

func (t *teller) set(e view.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mark++
	for i := range t.events {
		if t.events[i].ID == e.ID {
			t.events[i] = e
			return
		}
	}
	t.events = append(t.events, e)
}

// serve begins a server and returns the path of its socket.
func serve(t *testing.T, tell Teller) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, tell)
	t.Cleanup(s.Close)
	return path
}

func TestAnswers(t *testing.T) {
	tell := &teller{}
	c := NewClient(serve(t, tell))
	defer c.Close()
	st, err := c.Status()
	if err != nil || len(st.Instances) != 1 || st.Instances[0].Name != "VI_1" {
		t.Fatalf("%+v %v", st, err)
	}
	for i := range 5 {
		tell.set(view.Event{ID: fmt.Sprint(i), Name: fmt.Sprint("N", i%2), Done: true})
	}
	events, err := c.Events(2, "")
	if err != nil || len(events) != 2 || events[1].ID != "4" {
		t.Errorf("%+v %v", events, err)
	}
	if events, err = c.Events(100, "N1"); err != nil || len(events) != 2 || events[0].ID != "1" || events[1].ID != "3" {
		t.Errorf("%+v %v", events, err)
	}
	if events, err = c.Events(0, ""); err != nil || len(events) != 0 {
		t.Errorf("%+v %v", events, err)
	}
	if b, err := c.Get("/v1/timings"); err != nil || !strings.Contains(string(b), `"kernel"`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestBadQuestionsGetClearAnswers(t *testing.T) {
	tell := &teller{}
	path := serve(t, tell)
	c := NewClient(path)
	defer c.Close()
	for _, q := range []struct{ path, want string }{
		{"/", "there is no"},
		{"/v2/status", "there is no"},
		{"/v1/status?x=1", "takes no parameters"},
		{"/v1/events?x=1", "there is no parameter"},
		{"/v1/events?limit=-1", "not a number from 0"},
		{"/v1/events?limit=99999999999999999999", "not a number from 0"},
		{"/v1/events?limit=1&limit=2", "given 2 times"},
		{"/v1/events?follow=perhaps", "neither true nor false"},
		{"/v1/events?%zz", "can't be read"},
	} {
		if _, err := c.Get(q.path); err == nil || !strings.Contains(err.Error(), q.want) {
			t.Errorf("%s: %v, want %q", q.path, err, q.want)
		}
	}
	for _, method := range []string{"POST", "DELETE", "PUT", "OPTIONS"} {
		if got := raw(t, path, method+" /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 405 ") {
			t.Errorf("%s: %.60q", method, got)
		}
	}
	for _, junk := range []string{"\x00\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET /v1/status HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 20000) + "\r\n"} {
		if got := raw(t, path, junk); !strings.HasPrefix(got, "HTTP/1.1 4") && !strings.HasPrefix(got, "HTTP/1.1 505") {
			t.Errorf("%.30q: %.60q", junk, got)
		}
	}
	tell.mu.Lock()
	tell.silent = true
	tell.mu.Unlock()
	for _, path := range []string{"/v1/status", "/v1/events", "/v1/events?follow=true"} {
		if _, err := c.Get(path); err == nil || !strings.Contains(err.Error(), "only starting") {
			t.Errorf("%s before there is a configuration: %v", path, err)
		}
	}
}

// raw sends octets and reads the answer until the connection ends or a moment has passed without more.
func raw(t *testing.T, path, text string) string {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	go func() { _, _ = io.WriteString(c, text) }()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Errorf("%.30q: %v", text, err)
	}
	return line
}

func TestFollow(t *testing.T) {
	tell := &teller{}
	tell.set(view.Event{ID: "old", Done: true})
	tell.set(view.Event{ID: "new", Done: true})
	c := NewClient(serve(t, tell))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []string
	enough := errors.New("enough")
	err := c.Follow(ctx, 1, "", func(line []byte) error {
		var e view.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		got = append(got, fmt.Sprint(e.ID, e.Done))
		switch len(got) {
		case 1:
			tell.set(view.Event{ID: "a"})
		case 2:
			tell.set(view.Event{ID: "a", Text: "more", Done: true})
		case 3:
			tell.set(view.Event{ID: "b", Done: true})
		case 4:
			return enough
		}
		return nil
	})
	if want := "[newtrue afalse atrue btrue]"; !errors.Is(err, enough) || fmt.Sprint(got) != want {
		t.Errorf("%v, want %s; %v", got, want, err)
	}
}

// TestWhoDoesNotReadIsDropped: a follower whose buffers are full holds up nobody, and its connection is given up.
func TestWhoDoesNotReadIsDropped(t *testing.T) {
	tell := &teller{}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := serveWith(l, tell, 50*time.Millisecond)
	defer s.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /v1/events?follow=true HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 1<<20)
	served := false
	end := time.Now().Add(time.Minute)
	for n := 0; ; n++ {
		tell.set(view.Event{ID: "e", Text: fmt.Sprint(n, text)})
		open := s.conns.open.Load()
		if served = served || open == 1; served && open == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a connection that nobody reads from is still open after a minute")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestOneConnectionTooMany(t *testing.T) {
	path := serve(t, &teller{})
	for range 20 { // on a slow machine the first are closed for saying nothing before the last is there
		if oneTooMany(t, path) {
			return
		}
	}
	t.Error("no connection was one too many")
}

// oneTooMany opens one connection more than there may be, and reports whether it is told so.
func oneTooMany(t *testing.T, path string) bool {
	t.Helper()
	var last net.Conn
	for range MaxClients + 1 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		last = c
	}
	_ = last.SetDeadline(time.Now().Add(readTime))
	resp, err := http.ReadResponse(bufio.NewReader(last), nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusServiceUnavailable || err != nil || !strings.Contains(string(b), "too many connections") {
		t.Errorf("%s: %s %v", resp.Status, b, err)
	}
	return true
}

func TestALongNameOfASocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	c := NewClient(filepath.Join(dir, "s"))
	defer c.Close()
	if _, err := c.Status(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}
