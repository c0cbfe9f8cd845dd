package sim

import (
	"bytes"
	"strings"
	"testing"

	"holdfast.dev/clock"
	"holdfast.dev/node"
	"holdfast.dev/vrrp"
)

// Whatever happens to a daemon, a recording of it makes another engine decide the same, event for event.
func TestRecordingsAreReplayed(t *testing.T) {
	events, recordings := 0, 0
	for seed := range uint64(12) {
		w := New(Draw(seed+1, Kind(seed%4)))
		w.Record = 8 << 20
		if f := w.Run(); f != nil {
			t.Fatal(f)
		}
		for _, r := range w.Recordings {
			n, err := node.Replay(bytes.NewReader(r.Bytes), nil, nil)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed+1, r.Node, err)
			}
			events += n
			recordings++
		}
	}
	if t.Logf("%d recordings, %d events", recordings, events); recordings < 20 || events < 10_000 {
		t.Error("too few to mean anything")
	}
}

// A recording may begin at any moment of a daemon's life: it begins with the state of the engine, and what comes then is decided the same.
func TestRecordingsFromTheMiddleAreReplayed(t *testing.T) {
	events, recordings := 0, 0
	for seed := range uint64(8) {
		w := New(Draw(seed+101, Kind(seed%4)))
		w.Record, w.RecordAgain = 60_000, true
		if f := w.Run(); f != nil {
			t.Fatal(f)
		}
		for i, r := range w.Recordings {
			n, err := node.Replay(bytes.NewReader(r.Bytes), nil, nil)
			if err != nil {
				t.Fatalf("seed %d, recording %d, %s: %v", seed+101, i, r.Node, err)
			}
			events += n
			recordings++
		}
	}
	if t.Logf("%d recordings, %d events", recordings, events); recordings < 50 || events < 10_000 {
		t.Error("too few to mean anything")
	}
}

// recordingOf is one of a world.
func recordingOf(t *testing.T, limit int) Recording {
	t.Helper()
	w := New(Draw(3, Default))
	w.Record = limit
	if f := w.Run(); f != nil {
		t.Fatal(f)
	}
	return w.Recordings[len(w.Recordings)-1]
}

// A recording is bounded, and what was kept can be replayed all the same.
func TestRecordingIsBounded(t *testing.T) {
	r := recordingOf(t, 50_000)
	if !r.Full || len(r.Bytes) > 50_000 {
		t.Errorf("%d octets, full %v", len(r.Bytes), r.Full)
	}
	if n, err := node.Replay(bytes.NewReader(r.Bytes), nil, nil); err != nil || n == 0 {
		t.Errorf("%d events, %v", n, err)
	}
}

// An engine that decides otherwise, and a file that is none, are noticed.
func TestReplayNotices(t *testing.T) {
	whole := string(recordingOf(t, 1<<20).Bytes)
	otherwise := strings.Replace(whole, `"K":"Wakeup","D":`, `"K":"Wakeup","D":1`, 1)
	for name, text := range map[string]string{
		"empty": "", "no recording": "{}\n", "another version": strings.Replace(whole, `"Version":3`, `"Version":9`, 1),
		"decided otherwise": otherwise, "cut": whole[:len(whole)/2] + "\n", "unknown event": whole + `{"K":"Whim"}` + "\n",
		"garbage": whole + `{"K":"Received","E":[1]}` + "\n", "generation": whole + `{"K":"generation","E":"x"}` + "\n",
	} {
		if n, err := node.Replay(strings.NewReader(text), nil, nil); err == nil {
			t.Errorf("%s: %d events and no error", name, n)
		}
	}
	last, calls := clock.Instant(0), 0
	n, err := node.Replay(strings.NewReader(whole), nil, func(now clock.Now, _ vrrp.Event, e *vrrp.Engine) {
		if now.Mono < last || e == nil {
			t.Errorf("an event at %d after %d", now.Mono, last)
		}
		last = now.Mono
		calls++
	})
	if err != nil || calls < n*9/10 { // all but the numbers of generations
		t.Errorf("%d of %d events were told of, %v", calls, n, err)
	}
}
