package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast.dev/notify"
)

// server takes announcements, or does not.
type server struct {
	mu    sync.Mutex
	fails int           // so many tries fail
	bad   string        // names that are refused for good
	hang  bool          // it answers nothing
	took  []string      // what it has taken, with the time since the start
	done  []string      // what there is no more to be said of
	said  []string      // lines for the log
	began time.Time     //
	busy  time.Duration // how long each try takes
}

func (s *server) options() Options {
	s.began = time.Now()
	return Options{
		What: "test", Tries: func() int { return 4 },
		Done: func(ev *notify.Event) { s.mu.Lock(); s.done = append(s.done, ev.Name); s.mu.Unlock() },
		Say:  func(_ int, text string) { s.mu.Lock(); s.said = append(s.said, text); s.mu.Unlock() },
		Deliver: func(ctx context.Context, ev *notify.Event) error {
			s.mu.Lock()
			hang, busy := s.hang, s.busy
			s.mu.Unlock()
			if hang {
				<-ctx.Done()
				return ctx.Err()
			}
			time.Sleep(busy)
			s.mu.Lock()
			defer s.mu.Unlock()
			switch s.fails--; {
			case s.fails >= 0:
				return errors.New("not now")
			case ev.Name == s.bad:
				return &Permanent{errors.New("never")}
			}
			s.took = append(s.took, fmt.Sprintf("%s %v", ev.Name, time.Since(s.began)))
			return nil
		},
	}
}

func (s *server) want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func event(name string) *notify.Event {
	return &notify.Event{Object: notify.Instance, Name: name, State: notify.Master}
}

func TestTriesAgainInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{fails: 2, bad: "B"}
		o := New(s.options())
		for _, n := range []string{"A", "B", "C"} {
			if gone := o.Put(event(n)); gone != nil {
				t.Error("something was dropped")
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		s.want(t, "taken", s.took, "A 3s", "C 3s")
		s.want(t, "done", s.done, "A", "B", "C")
		s.want(t, "said", s.said, "test: INSTANCE A MASTER: not now: it is tried again", "test: INSTANCE A MASTER was delivered with the 3. try",
			"test: INSTANCE B MASTER is given up after 1 tries: never")
		o.Close(time.Now().Add(time.Hour))
	})
}

func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{fails: 4}
		o := New(s.options())
		o.Put(event("A"))
		o.Put(event("B"))
		time.Sleep(time.Minute)
		synctest.Wait()
		s.want(t, "taken", s.took, "B 7s")
		s.want(t, "done", s.done, "A", "B")
		o.Close(time.Now())
	})
}

func TestCloseTriesOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{fails: 1}
		o := New(s.options())
		o.Put(event("A"))
		o.Put(event("B"))
		synctest.Wait() // A has failed and waits
		o.Close(time.Now().Add(time.Hour))
		s.want(t, "taken", s.took, "A 0s", "B 0s")
		o.Close(time.Now()) // again
	})
}

func TestCloseEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{hang: true}
		o := New(s.options())
		o.Put(event("A"))
		o.Put(event("B"))
		synctest.Wait()
		o.Close(time.Now().Add(2 * time.Second))
		if took := time.Since(s.began); took != 2*time.Second {
			t.Errorf("%v", took)
		}
		s.want(t, "done", s.done, "A", "B")
		if o.Waiting() != 0 {
			t.Error("something waits")
		}
	})
}

func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{busy: time.Hour}
		o := New(s.options())
		o.Put(event("once"))
		synctest.Wait()
		o.Put(event("rare"))
		dropped := 0
		for range 2 * MaxWaiting {
			if gone := o.Put(event("often")); gone != nil {
				if dropped++; gone.Name != "often" {
					t.Fatalf("%s was dropped", gone.Name)
				}
			}
		}
		if n := o.Waiting(); n != MaxWaiting || dropped != MaxWaiting+2 {
			t.Errorf("%d wait, %d dropped", n, dropped)
		}
		s.mu.Lock()
		s.busy = 0
		s.mu.Unlock()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		s.want(t, "said", s.said, "test: the server is too slow, the oldest announcements are dropped",
			fmt.Sprintf("test: the server has caught up, %d announcements were dropped", dropped))
		o.Close(time.Now())
	})
}
