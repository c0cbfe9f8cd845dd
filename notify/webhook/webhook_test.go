package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast.dev/notify"
	"holdfast.dev/notify/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 11, 2, 3, 4, 5, 600, time.FixedZone("", 3600))

func event() *notify.Event {
	return &notify.Event{
		Seq: 7, Object: notify.Instance, Name: "VI_1", State: notify.Master, Priority: 200, Times: notify.Times{Decided: 0xabc},
	}
}

func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	h := Hook{URL: srv.URL + "/ha", Timeout: time.Minute, RouterID: "lb1"}
	if err := h.Post(context.Background(), Client(), event(), at); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URL.Path != "/ha" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Idempotency-Key") != "abc-7" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
	const want = `{"version":1,"id":"abc-7","time":"2026-11-02T02:04:05.0000006Z","router_id":"lb1","object":"INSTANCE","name":"VI_1","state":"MASTER","priority":200}`
	if string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	ev := event()
	ev.State, ev.Shown = notify.Deleted, notify.Fault
	if err := h.Post(context.Background(), Client(), ev, at); err != nil {
		t.Fatal(err)
	}
	trouble := event()
	trouble.State, trouble.Trouble = notify.Trouble, notify.Evidence{Kind: "k", Who: "w", Text: "t"}
	if err := h.Post(context.Background(), Client(), trouble, at); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(body), `"state":"TROUBLE","priority":200,"trouble":{"kind":"k","who":"w","text":"t"}}`) {
		t.Errorf("%s", body)
	}
	if err := h.Post(context.Background(), Client(), ev, at); err != nil {
		t.Fatal(err)
	}
	var b Body
	if err := json.Unmarshal(body, &b); err != nil || b.State != notify.Fault {
		t.Errorf("%s %v", body, err)
	}
}

// TestAnswers: what is worth another try, and what is not.
func TestAnswers(t *testing.T) {
	code := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
	}))
	defer srv.Close()
	h := Hook{URL: srv.URL, Timeout: time.Minute}
	for c, again := range map[int]bool{301: false, 400: false, 404: false, 408: true, 429: true, 500: true, 503: true} {
		code = c
		err := h.Post(context.Background(), Client(), event(), at)
		var permanent *outbox.Permanent
		if err == nil || errors.As(err, &permanent) == again {
			t.Errorf("%d: %v", c, err)
		}
	}
}

// TestSilentServer: it holds nobody for longer than the limit, and no address is told to the log.
func TestSilentServer(t *testing.T) {
	hold := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer srv.Close()
	defer close(hold)
	h := Hook{URL: srv.URL + "/secret", Timeout: 50 * time.Millisecond}
	err := h.Post(context.Background(), Client(), event(), at)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestWanted(t *testing.T) {
	for state, want := range map[string]bool{notify.Master: true, notify.MasterRxLowPrio: true, notify.Stop: true, notify.Trouble: true, notify.MasterPriority: false} {
		ev := event()
		if ev.State = state; Wanted(ev) != want {
			t.Error(state)
		}
	}
	ev := event()
	if ev.Again = true; Wanted(ev) {
		t.Error("told again")
	}
}
