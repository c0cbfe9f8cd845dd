package genhash

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// serve answers every connection with a text, and says what it was asked.
func serve(t *testing.T, answer string) (o Options, asked chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = make(chan string, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := c.Read(buf) // it comes in one piece
			asked <- string(buf[:n])
			_, _ = io.WriteString(c, answer)
			c.Close()
		}
	}()
	return at(t, l.Addr().String()), asked
}

func at(t *testing.T, addr string) Options {
	t.Helper()
	ap := netip.MustParseAddrPort(addr)
	return Options{Server: ap.Addr(), Port: ap.Port(), Path: "/x?y=z", Timeout: time.Minute}
}

const page = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

// TestAsGenhash: the same question as that of the installed genhash, and the same digest, in each version of the protocol.
func TestAsGenhash(t *testing.T) {
	theirs, err := exec.LookPath("genhash")
	if err != nil {
		t.Skip("genhash is not installed: it is in the package keepalived")
	}
	for _, version := range []string{"1.0", "1.0c", "1.1"} {
		for _, host := range []string{"", "www.example.org"} {
			o, asked := serve(t, page)
			o.Host = host
			if o.Protocol, err = ParseProtocol(version); err != nil {
				t.Fatal(err)
			}
			args := []string{"-s", o.Server.String(), "-p", fmt.Sprint(o.Port), "-u", o.Path, "-P", version}
			if host != "" {
				args = append(args, "-V", host)
			}
			out, err := exec.Command(theirs, args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			p, err := Fetch(t.Context(), &o, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := p.String(), strings.TrimSpace(string(out)); !strings.Contains(want, got) {
				t.Errorf("%s: the digest is %s, of genhash %s", version, got, want)
			}
			if want, got := <-asked, <-asked; got != want {
				t.Errorf("%s: asked %q, genhash %q", version, got, want)
			}
		}
	}
}

func TestFetch(t *testing.T) {
	var name string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s of %s", r.URL.Path, r.Host)
	}))
	s.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { name = h.ServerName; return nil, nil }}
	s.StartTLS()
	defer s.Close()
	o := at(t, s.Listener.Addr().String())
	o.TLS, o.SNI, o.Host, o.Protocol = true, true, "www.example.org", HTTP11
	var body bytes.Buffer
	p, err := Fetch(t.Context(), &o, &body)
	if err != nil || body.String() != "/x of www.example.org" || name != "www.example.org" || p.Digest != md5.Sum(body.Bytes()) || !strings.HasPrefix(string(p.Head), "HTTP/1.1 200 OK\r\n") {
		t.Errorf("%+v, %v, %q, name %q", p, err, body.String(), name)
	}
}

func TestFetchFails(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"nothing":     {"", ErrNothing.Error()},
		"only a head": {"HTTP/1.0 200 OK\r\n\r\n", ErrNothing.Error()},
		"half a head": {"HTTP/1.0 200 OK\r\nA: b\r\n", ErrNothing.Error()},
		"no end":      {strings.Repeat("A: b\r\n", 1<<15), "the header of the answer is longer than"},
		"one line":    {strings.Repeat("x", 1<<18), "the header of the answer is longer than"},
	} {
		o, _ := serve(t, c.answer)
		if _, err := Fetch(t.Context(), &o, nil); err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := at(t, l.Addr().String())
	o.Timeout = 50 * time.Millisecond
	if _, err := Fetch(context.Background(), &o, nil); err == nil || !strings.Contains(err.Error(), "longer than 50ms") {
		t.Errorf("a server that says nothing: %v", err)
	}
	for _, bad := range []Options{{}, {Server: o.Server}, {Server: o.Server, Path: "/a\r\nX: y"}, {Server: o.Server, Path: "/", Host: "a b"}} {
		if _, err := Fetch(t.Context(), &bad, nil); err == nil || errors.Is(err, ErrNothing) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestHost(t *testing.T) {
	six := netip.MustParseAddr("2001:db8::1")
	for want, o := range map[string]Options{
		"[2001:db8::1]":      {Server: six},
		"[2001:db8::1]:8080": {Server: six, Port: 8080},
		"[2001:db8::1]:80":   {Server: six, Port: 80, TLS: true},
		"192.0.2.1":          {Server: netip.MustParseAddr("192.0.2.1"), Port: 443, TLS: true},
		"x":                  {Server: six, Port: 8080, Host: "x"},
	} {
		if got := o.host(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
