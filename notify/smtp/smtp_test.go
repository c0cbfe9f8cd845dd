package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast.dev/notify"
	"holdfast.dev/notify/outbox"
	"holdfast.dev/notify/smtp/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings() *Settings {
	return &Settings{
		Helo: "lb1.example.org", From: "ha@example.org", To: []string{"a@example.org", "b@example.org"}, RouterID: "lb1",
		Timeout: time.Minute,
	}
}

func master() *notify.Event {
	return &notify.Event{Object: notify.Instance, Name: "VI_1", State: notify.Master, Priority: 100, Mail: true}
}

var date = time.Date(2026, 11, 2, 3, 4, 5, 0, time.FixedZone("", -5400))

// Outputs.md section 5.
func TestMessage(t *testing.T) {
	const head = "Date: Mon, 02 Nov 2026 03:04:05 -0130\r\nFrom: ha@example.org\r\nSubject: [lb1] VRRP "
	const tail = "\r\nX-Mailer: Keepalived\r\nTo: a@example.org, b@example.org\r\n\r\n"
	for _, c := range []struct {
		object          notify.Object
		state, shown    string
		subject, bodies string
	}{
		{notify.Instance, notify.Master, "", "Instance X - Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="},
		{notify.Instance, notify.Backup, "", "Instance X - Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		{notify.Instance, notify.Fault, "", "Instance X - Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		{notify.Instance, notify.Stop, "", "Instance X - Stopping", "=> VRRP Instance stopping <="},
		{notify.Instance, notify.Deleted, "", "Instance X - Deleted", "=> VRRP Deleted at reload <="},
		{notify.Instance, notify.Deleted, notify.Fault, "Instance X - Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		{notify.Group, notify.Master, "", "Group X - Entering MASTER state", "=> All VRRP group instances are now in MASTER state <="},
		{notify.Group, notify.Stop, "", "Group X - Stopping", "=> All VRRP group instances are now stopping <="},
	} {
		ev := &notify.Event{Object: c.object, Name: "X", State: c.state, Shown: c.shown, Mail: true}
		if got, want := settings().Message(ev, date), head+c.subject+tail+c.bodies+"\r\n\r\n"; got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}

func TestWanted(t *testing.T) {
	s := settings()
	for _, c := range []struct {
		change func(*notify.Event)
		want   bool
	}{
		{func(*notify.Event) {}, true},
		{func(ev *notify.Event) { ev.Mail = false }, false},
		{func(ev *notify.Event) { ev.Again = true }, false},
		{func(ev *notify.Event) { ev.State = notify.MasterRxLowPrio }, false},
		{func(ev *notify.Event) { ev.State = notify.MasterPriority }, false},
		{func(ev *notify.Event) { ev.State, ev.Shown = notify.Deleted, notify.Nothing }, false},
		{func(ev *notify.Event) { ev.State = notify.Fault }, true},
	} {
		ev := master()
		c.change(ev)
		if got := s.Wanted(ev); got != c.want {
			t.Errorf("%+v: %v", ev, got)
		}
	}
	s.NoFaults = true
	ev := master()
	ev.State = notify.Fault
	if s.Wanted(ev) {
		t.Error("no_email_faults does nothing")
	}
}

// TestManyRecipients: no line is longer than RFC 5322 allows, and nobody is lost.
func TestManyRecipients(t *testing.T) {
	s := settings()
	s.To = nil
	for i := range 100 {
		s.To = append(s.To, fmt.Sprintf("somebody.with.the.number.%d@example.org", i))
	}
	text := s.Message(master(), date)
	for line := range strings.Lines(text) {
		if len(line) > 1000 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 100 {
		t.Errorf("%d recipients, %v", len(to), err)
	}
}

// TestNamesThatBreakHeaders: what stands in a configuration can't add headers, and the limits of outputs.md hold.
func TestNamesThatBreakHeaders(t *testing.T) {
	s, ev := settings(), master()
	ev.Name = "x\r\nBcc: all@example.org" + strings.Repeat("y", 400)
	s.From = "Héad, of HA <ha@example.org>"
	s.To = []string{`ops team <ops@example.org>`, "x@example.org\r\nCc: y@example.org"}
	m, err := mail.ReadMessage(strings.NewReader(s.Message(ev, date)))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Header) != 5 {
		t.Errorf("%v", m.Header)
	}
	if n := len(m.Header.Get("Subject")); n > 255 {
		t.Errorf("a subject of %d octets", n)
	}
	if a, err := mail.ParseAddress(m.Header.Get("From")); err != nil || a.Name != "Héad, of HA" || a.Address != "ha@example.org" {
		t.Errorf("%v %v", a, err)
	}
	if envelope(s.From) != "ha@example.org" || envelope("a\r\nRSET") != "a  RSET" {
		t.Error("envelope")
	}
}

func serve(t *testing.T, srv *smtptest.Server) *Settings {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv.Start(t, l)
	s := settings()
	s.Server = l.Addr().String()
	return s
}

func send(s *Settings) ([]string, error) {
	var d net.Dialer
	return s.Send(context.Background(), d.DialContext, s.Message(master(), date))
}

func TestSend(t *testing.T) {
	for name, c := range map[string]struct {
		srv       *smtptest.Server
		hello     string
		encrypted bool
	}{
		"plain":                     {&smtptest.Server{}, "EHLO lb1.example.org", false},
		"knows HELO only":           {&smtptest.Server{OnlyHelo: true}, "HELO lb1.example.org", false},
		"encrypts":                  {&smtptest.Server{StartTLS: true}, "EHLO lb1.example.org", true},
		"offers what does not work": {&smtptest.Server{StartTLS: true, BadTLS: true}, "EHLO lb1.example.org", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.srv)
			if refused, err := send(s); err != nil || len(refused) > 0 {
				t.Fatal(refused, err)
			}
			got := c.srv.Mails()
			if len(got) != 1 {
				t.Fatalf("%d mails", len(got))
			}
			m := got[0]
			if m.Hello != c.hello || m.Encrypted != c.encrypted || m.From != "<ha@example.org>" ||
				strings.Join(m.To, " ") != "<a@example.org> <b@example.org>" {
				t.Errorf("%+v", m)
			}
			if want := strings.ReplaceAll(s.Message(master(), date), "\r\n", "\n"); m.Text != want {
				t.Errorf("got:\n%s\nwant:\n%s", m.Text, want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	one := &smtptest.Server{Refuse: []string{"b@"}}
	if refused, err := send(serve(t, one)); err != nil || len(refused) != 1 || !strings.Contains(refused[0], "550 nobody") {
		t.Error(refused, err)
	}
	if m := one.Mails(); len(m) != 1 || len(m[0].To) != 1 {
		t.Errorf("%+v", m)
	}
	_, err := send(serve(t, &smtptest.Server{Refuse: []string{"@"}}))
	var permanent *outbox.Permanent
	if !errors.As(err, &permanent) {
		t.Errorf("all are refused for good: %v", err)
	}
	_, err = send(serve(t, &smtptest.Server{Busy: 1}))
	if err == nil || errors.As(err, &permanent) && strings.Contains(err.Error(), "451") {
		t.Errorf("refused for now: %v", err)
	}
}

// TestSilentServer: a server that says nothing, or never ends, holds nobody for longer than the limit.
func TestSilentServer(t *testing.T) {
	for _, chatter := range []string{"", "220-" + strings.Repeat("x", 100) + "\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			for chatter != "" {
				if _, err := c.Write([]byte(chatter)); err != nil {
					return
				}
			}
			_, _ = c.Read(make([]byte, 1))
		}()
		s := settings()
		s.Server, s.Timeout = l.Addr().String(), 200*time.Millisecond
		if _, err := send(s); err == nil {
			t.Error("nothing failed")
		}
		l.Close()
		<-done
	}
}
