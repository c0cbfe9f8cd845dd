package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"

	"holdfast.dev/notify/outbox"
)

// Dialer opens a connection to the server.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// maxAnswer bounds what a server may say in one dialogue, in octets.
const maxAnswer = 256 << 10

// errTLS is a failure of the encryption that was offered.
var errTLS = errors.New("STARTTLS")

// Send delivers one message. The connection is encrypted where the server offers it, with whatever certificate it has: else the mail would go
// in clear text. If that fails it goes so all the same. An outbox.Permanent error says that another try is useless; problems that
// leave the mail delivered to somebody come back as refused.
func (s *Settings) Send(ctx context.Context, dial Dialer, message string) (refused []string, err error) {
	refused, err = s.send(ctx, dial, message, true)
	if errors.Is(err, errTLS) && ctx.Err() == nil {
		refused, err = s.send(ctx, dial, message, false)
	}
	var a *answer
	if errors.As(err, &a) && a.code >= 500 {
		err = &outbox.Permanent{Err: err}
	}
	return refused, err
}

// answer is one that says no.
type answer struct {
	to   string // what we said
	code int
	text string
}

func (a *answer) Error() string {
	return fmt.Sprintf("%s: the server says %d %s", a.to, a.code, a.text)
}

func (s *Settings) send(ctx context.Context, dial Dialer, message string, encrypt bool) ([]string, error) {
	dialing, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	conn, err := dial(dialing, "tcp", s.Server)
	if err != nil {
		return nil, err
	}
	d := &dialogue{timeout: s.Timeout}
	d.use(conn)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() { stop(); _ = conn.Close() }()
	if _, err := d.hear(220, "its greeting"); err != nil {
		return nil, err
	}
	offers, err := d.hello(s.Helo)
	if err != nil {
		return nil, err
	}
	if encrypt && offers["STARTTLS"] {
		if err := d.encrypt(conn, s.Server, s.Helo); err != nil {
			return nil, fmt.Errorf("%w: %v", errTLS, err)
		}
	}
	refused, err := d.envelope(envelope(s.From), s.To)
	if err != nil {
		return nil, err
	}
	if err := d.data(message); err != nil {
		return nil, err
	}
	_, _ = d.say(221, "QUIT") // it has the mail already
	return refused, nil
}

// dialogue is one connection to a server.
type dialogue struct {
	conn    net.Conn
	text    *textproto.Conn
	timeout time.Duration
}

// limited ends a connection whose other end says too much.
type limited struct {
	net.Conn
	left int
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("the server says too much")
	}
	n, err := l.Conn.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

func (d *dialogue) use(conn net.Conn) {
	d.conn = conn
	d.text = textproto.NewConn(&limited{conn, maxAnswer})
}

// hear reads an answer, which must have the code wanted.
func (d *dialogue) hear(want int, what string) (string, error) {
	_ = d.conn.SetDeadline(time.Now().Add(d.timeout))
	code, text, err := d.text.ReadResponse(want)
	var no *textproto.Error
	switch {
	case errors.As(err, &no):
		err = &answer{what, code, shorten(text)}
	case err != nil:
		err = fmt.Errorf("%s: %w", what, err)
	}
	return text, err
}

func shorten(text string) string {
	text = oneLine(text)
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

func (d *dialogue) say(want int, format string, args ...any) (string, error) {
	line := fmt.Sprintf(format, args...)
	_ = d.conn.SetDeadline(time.Now().Add(d.timeout))
	if err := d.text.PrintfLine("%s", line); err != nil {
		return "", err
	}
	return d.hear(want, line)
}

// hello introduces us; a server that does not know EHLO is told HELO.
func (d *dialogue) hello(name string) (offers map[string]bool, err error) {
	name = envelope(strings.ReplaceAll(name, " ", ""))
	text, err := d.say(250, "EHLO %s", name)
	var no *answer
	if errors.As(err, &no) && no.code >= 500 {
		_, err = d.say(250, "HELO %s", name)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	offers = map[string]bool{}
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		offers[strings.ToUpper(word)] = true
	}
	return offers, nil
}

// encrypt goes over to TLS. No certificate is asked to be valid: without encryption nobody would ask for one either.
func (d *dialogue) encrypt(conn net.Conn, server, helo string) error {
	if _, err := d.say(220, "STARTTLS"); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	_ = conn.SetDeadline(time.Now().Add(d.timeout))
	if err := secure.Handshake(); err != nil {
		return err
	}
	d.use(secure)
	_, err = d.hello(helo)
	return err
}

// envelope names sender and recipients. It is enough that one of those is taken.
func (d *dialogue) envelope(from string, to []string) (refused []string, err error) {
	if _, err := d.say(250, "MAIL FROM:<%s>", from); err != nil {
		return nil, err
	}
	var no *answer
	for _, a := range to {
		_, err := d.say(25, "RCPT TO:<%s>", envelope(a)) // 250 or 251
		if err == nil {
			continue
		}
		if !errors.As(err, &no) {
			return nil, err
		}
		refused = append(refused, err.Error())
	}
	if len(refused) == len(to) {
		return nil, no
	}
	return refused, nil
}

// data sends the message itself.
func (d *dialogue) data(message string) error {
	if _, err := d.say(354, "DATA"); err != nil {
		return err
	}
	_ = d.conn.SetDeadline(time.Now().Add(d.timeout))
	w := d.text.DotWriter()
	if _, err := w.Write([]byte(message)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := d.hear(250, "the message")
	return err
}
