package auxrole

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/notify"
	"holdfast.dev/notify/smtp/smtptest"
	"holdfast.dev/supervisor/role"
)

// told is what servers of a test were told.
type told struct {
	t     *testing.T
	mail  smtptest.Server
	hook  *httptest.Server
	conf  *config.Config
	mu    sync.Mutex
	posts []string
	fail  int // so many posts are answered with 500
}

func newTold(t *testing.T) *told {
	s := &told{t: t}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.mail.Start(t, l)
	s.hook = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fail--; s.fail >= 0 {
			w.WriteHeader(500)
			return
		}
		s.posts = append(s.posts, string(b))
	}))
	t.Cleanup(s.hook.Close)
	s.conf = &config.Config{}
	g := &s.conf.Global
	g.RouterID = "lb1"
	g.Mail = config.Mail{Server: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), From: "ha@x", To: []string{"ops@x"}, Helo: "lb1", Timeout: time.Minute}
	g.Notify.Webhooks = []config.Webhook{{URL: s.hook.URL, Timeout: time.Minute, Tries: 3}}
	return s
}

func (s *told) states(of []string, prefix, suffix string) (out []string) {
	for _, text := range of {
		_, text, _ = strings.Cut(text, prefix)
		state, _, _ := strings.Cut(text, suffix)
		out = append(out, state)
	}
	return out
}

func (s *told) want(u *super, mails, posts []string) {
	s.t.Helper()
	var subjects []string
	u.until("mails", func() bool {
		subjects = nil
		for _, m := range s.mail.Mails() {
			subjects = append(subjects, m.Text)
		}
		return len(subjects) >= len(mails)
	})
	if got := s.states(subjects, "VRRP Instance A - ", "\n"); !slices.Equal(got, mails) {
		s.t.Errorf("mails %q, want %q", got, mails)
	}
	u.until("posts", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.posts) >= len(posts) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.states(s.posts, `"state":"`, `"`); !slices.Equal(got, posts) {
		s.t.Errorf("posts %q, want %q", got, posts)
	}
}

func say(t *testing.T, c *role.Conn, seq, gen uint64, state string, change func(*notify.Event)) {
	t.Helper()
	ev := notify.Event{Seq: seq, Gen: gen, Object: notify.Instance, Name: "A", State: state, Mail: true}
	if change != nil {
		change(&ev)
	}
	if err := c.Send(role.Msg{Event: &ev}); err != nil {
		t.Fatal(err)
	}
}

func acked(seq uint64) func(role.Msg) bool {
	return func(m role.Msg) bool { return m.Delivered != nil && m.Delivered.Seq == seq }
}

// TestCourier: mail and webhooks are told in order, once; tried again; acknowledged when all is done; the last words before the end too.
func TestCourier(t *testing.T) {
	s, w := startRole(t), newTold(t)
	w.fail = 1
	c := s.meet()
	say(t, c, 1, 1, notify.Backup, nil) // before its configuration is in force
	s.configure(1, w.conf, false)
	say(t, c, 1, 1, notify.Backup, nil)
	say(t, c, 2, 1, notify.Master, nil)
	say(t, c, 3, 1, notify.MasterPriority, nil)
	say(t, c, 4, 1, notify.MasterRxLowPrio, nil)
	say(t, c, 5, 1, notify.Fault, func(ev *notify.Event) { ev.Mail = false })
	w.want(s, []string{"Entering BACKUP state", "Entering MASTER state"}, []string{"BACKUP", "MASTER", "MASTER_RX_LOWER_PRI", "FAULT"})
	s.until("all is acknowledged", s.answered(acked(5)))

	// Another process counts anew. A state that was mailed last is not mailed again (rule Y5).
	again := s.meet()
	say(t, again, 1, 1, notify.Master, nil)
	say(t, again, 2, 1, notify.Backup, nil)
	s.until("acknowledged to the other", s.answered(acked(2)))

	// After a reload without webhooks, and with no_email_faults.
	next := *w.conf
	next.Global.Notify.Webhooks, next.Global.VRRP.NoEmailFaults = nil, true
	s.configure(2, &next, true)
	say(t, again, 3, 2, notify.Fault, nil)
	say(t, again, 4, 2, notify.Stop, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := again.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	c.Close()
	again.Close()
	s.stop()
	w.want(s, []string{"Entering BACKUP state", "Entering MASTER state", "Entering BACKUP state", "Stopping"},
		[]string{"BACKUP", "MASTER", "MASTER_RX_LOWER_PRI", "FAULT", "MASTER", "BACKUP"})
}

// TestCourierEndsInTime: servers that do not answer hold up nobody.
func TestCourierEndsInTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, w := startRole(t), newTold(t)
	w.conf.Global.Mail.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	w.conf.Global.Notify.Webhooks[0].URL = "http://" + l.Addr().String()
	s.configure(1, w.conf, false)
	c := s.meet()
	for i := range uint64(20) {
		say(t, c, i+1, 1, []string{notify.Master, notify.Backup}[i%2], nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = c.Flush(ctx)
	c.Close()
	s.stop() // fails the test if it takes 20 s
}
