// Package genhash fetches a page as a health check does, and makes the digest that a check compares it with (cli.tsv, rows genhash-option).
package genhash

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what is fetched, and from where.
type Options struct {
	Server   netip.Addr
	Port     uint16 // 0 is 80, or 443 with TLS
	Path     string
	TLS      bool // whatever certificate the server has
	SNI      bool // name the virtual host in TLS
	Host     string
	Mark     uint32 // of the socket; 0 for none
	Protocol Protocol
	Timeout  time.Duration // of the whole; default 5 s
}

// Protocol is the version of HTTP.
type Protocol uint8

// The versions. With HTTP10Close and HTTP11 the server is asked to close the connection.
const (
	HTTP10 Protocol = iota
	HTTP10Close
	HTTP11
)

// ParseProtocol reads a version as keepalived's http_protocol does.
func ParseProtocol(s string) (Protocol, error) {
	switch s {
	case "1.0":
		return HTTP10, nil
	case "1.0C", "1.0c":
		return HTTP10Close, nil
	case "1.1":
		return HTTP11, nil
	}
	return 0, fmt.Errorf("HTTP version %q is none of 1.0, 1.0C and 1.1", s)
}

// DefaultTimeout is how long a fetch may take if nobody says.
const DefaultTimeout = 5 * time.Second

// maxHead bounds the header of an answer, in octets. The body has no bound: nothing of it is kept.
const maxHead = 64 << 10

// ErrNothing is the end of a connection on which no body came.
var ErrNothing = errors.New("no data received from remote webserver")

// Page is what was fetched.
type Page struct {
	Head   []byte // status line and header, with the empty line
	Digest [md5.Size]byte
	Length int64 // of the body
}

// String is the digest as a configuration has it.
func (p *Page) String() string { return hex.EncodeToString(p.Digest[:]) }

// Request is what is sent (rule S13).
func (o *Options) Request() []byte {
	var b bytes.Buffer
	version := "1.0"
	if o.Protocol == HTTP11 {
		version = "1.1"
	}
	fmt.Fprintf(&b, "GET %s HTTP/%s\r\nUser-Agent: KeepAliveClient\r\n", o.Path, version)
	if o.Protocol != HTTP10 {
		b.WriteString("Connection: close\r\n")
	}
	fmt.Fprintf(&b, "Host: %s\r\n\r\n", o.host())
	return b.Bytes()
}

// host is the value of the header Host: the virtual host, else the address, with the port where it is not the usual one.
func (o *Options) host() string {
	if o.Host != "" {
		return o.Host
	}
	text := o.Server.String()
	if o.Server.Is6() {
		text = "[" + text + "]"
	}
	if o.Port != 0 && o.Port != o.usual() {
		text += ":" + strconv.Itoa(int(o.Port))
	}
	return text
}

func (o *Options) usual() uint16 {
	if o.TLS {
		return 443
	}
	return 80
}

// check refuses what would break the request apart.
func (o *Options) check() error {
	switch {
	case !o.Server.IsValid():
		return errors.New("no server is given")
	case o.Path == "":
		return errors.New("no url is given")
	}
	for _, s := range []string{o.Path, o.Host} {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return fmt.Errorf("%q has blanks or control characters in it", s)
		}
	}
	return nil
}

// Fetch gets the page. Each piece of the body is also given to body, where that is not nil.
func Fetch(ctx context.Context, o *Options, body io.Writer) (*Page, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	limit := o.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := o.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	page, err := o.talk(conn, body)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("the server took longer than %v", limit)
	}
	return page, err
}

func (o *Options) dial(ctx context.Context) (net.Conn, error) {
	port := o.Port
	if port == 0 {
		port = o.usual()
	}
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if o.Mark == 0 {
			return nil
		}
		if e := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark))
		}); e != nil {
			return e
		}
		if err != nil {
			return fmt.Errorf("mark %d: %w", o.Mark, err)
		}
		return nil
	}}
	conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(o.Server, port).String())
	if err != nil || !o.TLS {
		return conn, err
	}
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	if o.SNI {
		config.ServerName = o.Host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// talk asks and reads to the end of the connection. All that comes behind the header is the body, however it is encoded.
func (o *Options) talk(conn net.Conn, body io.Writer) (*Page, error) {
	if _, err := conn.Write(o.Request()); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	p := &Page{}
	for {
		line, err := in.ReadSlice('\n')
		if p.Head = append(p.Head, line...); len(p.Head) > maxHead {
			return nil, fmt.Errorf("the header of the answer is longer than %d octets", maxHead)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, ErrNothing
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		if s := string(line); s == "\r\n" || s == "\n" {
			break
		}
	}
	digest := md5.New()
	to := io.Writer(digest)
	if body != nil {
		to = io.MultiWriter(digest, body)
	}
	var err error
	if p.Length, err = io.Copy(to, in); err != nil {
		return nil, err
	}
	if p.Length == 0 {
		return nil, ErrNothing
	}
	digest.Sum(p.Digest[:0])
	return p, nil
}
