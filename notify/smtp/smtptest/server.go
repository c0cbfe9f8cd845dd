// Package smtptest is a mail server for tests: it speaks enough of RFC 5321 and 3207 to take mail from real clients, and keeps what it got.
package smtptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mail is one that was taken.
type Mail struct {
	Hello     string // the whole line
	From      string // as in MAIL FROM
	To        []string
	Text      string // lines end in \n
	Encrypted bool
}

// Server is a running mail server.
type Server struct {
	OnlyHelo bool     // EHLO is not known
	StartTLS bool     // offered
	BadTLS   bool     // and then it does not work
	Refuse   []string // recipients
	Busy     int      // so many times MAIL is answered with 451

	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	mails    []Mail
	tls      *tls.Config
}

// Start runs s on l until the test ends.
func (s *Server) Start(t *testing.T, l net.Listener) {
	t.Helper()
	s.listener, s.conns = l, map[net.Conn]struct{}{}
	if s.StartTLS {
		s.tls = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = struct{}{}
			s.mu.Unlock()
			s.wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(s.Stop)
}

// Stop ends the server and its connections.
func (s *Server) Stop() {
	s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Mails are those that were taken so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

func (s *Server) serve(c net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
	}()
	t := textproto.NewConn(c)
	say := func(line string) { _ = t.PrintfLine("%s", line) }
	say("220 test")
	var m Mail
	for {
		line, err := t.ReadLine()
		if err != nil {
			return
		}
		verb := strings.ToUpper(line)
		switch {
		case strings.HasPrefix(verb, "EHLO") && s.OnlyHelo:
			say("502 what?")
		case strings.HasPrefix(verb, "EHLO") || strings.HasPrefix(verb, "HELO"):
			m.Hello = line
			if s.StartTLS && !m.Encrypted && verb[0] == 'E' {
				say("250-test")
				say("250 STARTTLS")
			} else {
				say("250 test")
			}
		case verb == "STARTTLS":
			say("220 go")
			if s.BadTLS {
				return
			}
			secure := tls.Server(c, s.tls)
			t = textproto.NewConn(secure)
			m = Mail{Encrypted: true}
		case strings.HasPrefix(verb, "MAIL FROM:"):
			if s.busy() {
				say("451 later")
				continue
			}
			m.From = line[len("MAIL FROM:"):]
			say("250 ok")
		case strings.HasPrefix(verb, "RCPT TO:"):
			to := line[len("RCPT TO:"):]
			if s.refuses(to) {
				say("550 nobody")
				continue
			}
			m.To = append(m.To, to)
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			text, err := t.ReadDotBytes()
			if err != nil {
				return
			}
			m.Text = string(text)
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func (s *Server) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Busy--
	return s.Busy >= 0
}

func (s *Server) refuses(to string) bool {
	for _, r := range s.Refuse {
		if strings.Contains(to, r) {
			return true
		}
	}
	return false
}

// certificate is one that nobody vouches for.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
