package auxrole

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// super plays the supervisor and the vrrp role.
type super struct {
	t     *testing.T
	ctl   *role.Conn
	ended chan error
	wg    sync.WaitGroup

	mu     sync.Mutex
	said   []role.Msg
	states map[track.ID]track.State
	first  []track.State // what a new connection began with, in order
}

func startRole(t *testing.T) *super {
	t.Helper()
	ours, theirs, err := role.Pair()
	if err != nil {
		t.Fatal(err)
	}
	s := &super{t: t, ended: make(chan error, 1), states: map[track.ID]track.State{}}
	if s.ctl, err = role.NewConn(ours); err != nil {
		t.Fatal(err)
	}
	conn, err := role.NewConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- Run(conn, Trackers, Courier); conn.Close() }()
	s.wg.Go(func() { s.hear(s.ctl) })
	t.Cleanup(s.stop)
	return s
}

func (s *super) hear(c *role.Conn) {
	for {
		m, _, err := c.Recv()
		if err != nil {
			return
		}
		s.mu.Lock()
		if m.Track != nil {
			s.states[m.Track.ID()] = *m.Track
			s.first = append(s.first, *m.Track)
		} else {
			s.said = append(s.said, m)
		}
		s.mu.Unlock()
	}
}

func (s *super) stop() {
	if s.ctl == nil {
		return
	}
	_ = s.ctl.Send(role.Msg{Stop: &role.Stop{Within: time.Second}})
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Error(err)
		}
	case <-time.After(time.Minute):
		s.t.Error("the role does not end")
	}
	_ = s.ctl.Close()
	s.ctl = nil
	s.wg.Wait()
}

// meet gives the role a connection to a vrrp role, which is closed with it.
func (s *super) meet() *role.Conn {
	s.t.Helper()
	ours, theirs, err := role.Pair()
	if err != nil {
		s.t.Fatal(err)
	}
	defer theirs.Close()
	c, err := role.NewConn(ours)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.first = nil
	s.mu.Unlock()
	s.wg.Go(func() { s.hear(c); c.Close() })
	if err := s.ctl.Send(role.Msg{Peer: &role.Peer{Role: role.VRRP}}, theirs); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// until waits for what must come; the time is only for a broken program.
func (s *super) until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		done := ok()
		s.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("never: %s; states %v", what, s.states)
		}
	}
}

func (s *super) answered(what func(role.Msg) bool) func() bool {
	return func() bool {
		for i, m := range s.said {
			if what(m) {
				s.said = append(s.said[:i], s.said[i+1:]...)
				return true
			}
		}
		return false
	}
}

// configure brings a configuration into force.
func (s *super) configure(gen uint64, c *config.Config, reload bool) {
	s.t.Helper()
	f, err := role.SealedConfig(c)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if err := s.ctl.Send(role.Msg{Prepare: &role.Prepare{Gen: gen, Reload: reload}}, f); err != nil {
		s.t.Fatal(err)
	}
	s.until("ready", s.answered(func(m role.Msg) bool { return m.Ready != nil && m.Ready.Gen == gen && m.Ready.Err == "" }))
	if err := s.ctl.Send(role.Msg{Commit: &role.Gen{Gen: gen}}); err != nil {
		s.t.Fatal(err)
	}
	s.until("done", s.answered(func(m role.Msg) bool { return m.Done != nil && m.Done.Gen == gen }))
}

func (s *super) is(id track.ID, want track.Status, value int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%v is %v %d", id, want, value), func() bool {
		st := s.states[id]
		return st.Status == want && st.Value == value && st.Source != ""
	})
}

var (
	file  = track.ID{Kind: track.OfFile, Name: "x"}
	proc  = track.ID{Kind: track.OfProcess, Name: "x"}
	check = track.ID{Kind: track.OfCheck, Name: "x"}
)

// everything tracks one source of each kind, all of the same name, and defines others that nobody tracks.
func everything(dir string) *config.Config {
	var others []config.Tracker
	for _, k := range []config.TrackKind{config.OfFile, config.OfProcess, config.OfCheck} {
		others = append(others, config.Tracker{Kind: k, Name: "x"})
	}
	return &config.Config{
		Files:     []config.TrackFile{{Name: "x", Path: dir + "/f"}, {Name: "unused", Path: dir + "/f"}},
		Processes: []config.TrackProcess{{Name: "x", Process: "no such process", Quorum: 1}, {Name: "unused", Process: "a"}},
		Checks: []config.TrackCheck{
			{Name: "x", Does: config.ProbeFile, Path: dir + "/f", Interval: 5 * time.Millisecond, Rise: 1, Fall: 1}, {Name: "unused"},
		},
		Instances: []config.Instance{{Name: "VI_1", Notify: &config.Notify{}, Track: config.Tracking{Others: others}}},
	}
}

func TestTrackers(t *testing.T) {
	s, dir := startRole(t), t.TempDir()
	c := everything(dir)
	s.configure(1, c, false)
	s.meet()
	s.is(file, track.Up, 0)
	s.is(proc, track.Down, 0)
	s.is(check, track.Down, 0)
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("-4"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.is(file, track.Up, -4)
	s.is(check, track.Up, 0)
	// Another vrrp process is told all at once.
	again := s.meet()
	s.until("all is said anew", func() bool { return len(s.first) >= 3 })
	s.is(file, track.Up, -4)
	_ = again
	c = everything(dir)
	c.Checks[0].Path = "/"
	c.Instances[0].Track.Others = c.Instances[0].Track.Others[2:]
	s.configure(2, c, true)
	s.until("the new check is reloaded", func() bool { return s.states[check].Status == track.Up })
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.states {
		if id.Name == "unused" {
			t.Errorf("%v is watched although nobody tracks it", id)
		}
	}
}

// TestRefusals: what makes no sense changes nothing.
func TestRefusals(t *testing.T) {
	s, dir := startRole(t), t.TempDir()
	s.configure(1, everything(dir), false)
	for _, m := range []role.Msg{
		{Commit: &role.Gen{Gen: 7}},
		{Abort: &role.Gen{Gen: 3}},
		{Peer: &role.Peer{Role: role.VRRP}},
		{Opened: &role.Opened{File: "x"}},
		{Prepare: &role.Prepare{Gen: 2}},
	} {
		if err := s.ctl.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	s.until("a refusal", s.answered(func(m role.Msg) bool { return m.Ready != nil && m.Ready.Gen == 2 && m.Ready.Err != "" }))
	s.until("a complaint", s.answered(func(m role.Msg) bool { return m.Log != nil && strings.Contains(m.Log.Text, "not prepared") }))
	if err := s.ctl.Send(role.Msg{Commit: &role.Gen{Gen: 2}}); err != nil {
		t.Fatal(err)
	}
	s.until("another complaint", s.answered(func(m role.Msg) bool { return m.Log != nil && strings.Contains(m.Log.Text, "not prepared") }))
	s.meet()
	s.is(file, track.Up, 0)
}

// TestSupervisorGone: the role ends with its control connection.
func TestSupervisorGone(t *testing.T) {
	s := startRole(t)
	s.configure(1, everything(t.TempDir()), false)
	_ = s.ctl.Close()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the role does not end")
	}
	s.ctl = nil
	s.wg.Wait()
}

// TestHostOpen: a file that we may not open comes from the supervisor, or the reason why not.
func TestHostOpen(t *testing.T) {
	ours, theirs, err := role.Pair()
	if err != nil {
		t.Fatal(err)
	}
	super, err := role.NewConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := role.NewConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close()
	h := newHost(ctl)
	r := &aux{host: h}
	done := make(chan struct{})
	go func() { _ = r.obeyAll(); close(done) }()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("11"), 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { // the supervisor
		for {
			m, _, err := super.Recv()
			switch {
			case err != nil:
				return
			case m.Open != nil && m.Open.File == "good":
				f, _ := os.Open(path)
				_ = super.Send(role.Msg{Opened: &role.Opened{File: "good"}}, f)
				f.Close()
			case m.Open != nil:
				_ = super.Send(role.Msg{Opened: &role.Opened{File: m.Open.File, Err: "no such file"}})
			}
		}
	}()
	f, err := h.Open(track.FileSpec{Name: "good"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if string(text) != "11" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	f.Close()
	if _, err := h.Open(track.FileSpec{Name: "bad"}); err == nil || err.Error() != "no such file" {
		t.Error(err)
	}
	_ = super.Send(role.Msg{Stop: &role.Stop{}})
	<-done
	h.close()
	if _, err := h.Open(track.FileSpec{Name: "late"}); err == nil {
		t.Error("opened after the end")
	}
	_ = ctl.Close()
}

// An answer that came too late for one question must not be given to the next: each file goes to who has asked for it.
func TestOpenIsForgotten(t *testing.T) {
	h := newHost(nil)
	dead, live := make(chan opened, 1), make(chan opened, 1)
	h.waiting["f"] = []chan opened{dead, live}
	h.forget("f", dead)
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h.opened(&role.Opened{File: "f"}, []*os.File{f})
	if o := <-live; o.file != f || len(dead) != 0 || len(h.waiting) != 0 {
		t.Errorf("%+v, %d left", o, len(h.waiting))
	}
	h.waiting["f"] = []chan opened{dead}
	if h.forget("f", dead); len(h.waiting) != 0 {
		t.Error("somebody still waits")
	}
}
