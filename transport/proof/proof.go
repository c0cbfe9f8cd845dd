// Package proof looks at the files by which a node proves itself to its peers (transport tls) before they are needed: what is found here is what peers
// would find later, in the worst hour.
package proof

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Weight says what a finding means for the configuration.
type Weight uint8

// The weights.
const (
	Note  Weight = iota // it may be meant so
	Wrong               // peers will not believe us, or we none of them; what runs goes on
	Fatal               // nothing can be proved with it
)

// File is one of the files of an identity, by its keyword.
type File string

// The files.
const (
	Certificate File = "transport_certificate"
	Key         File = "transport_key"
	CA          File = "transport_ca"
)

// Finding is something about one of the files. Text goes on where the file was named.
type Finding struct {
	File   File
	Weight Weight
	Text   string
	Hint   string
}

// Soon is how long before its end a certificate is worth a word.
const Soon = 30 * 24 * time.Hour

// Inspect looks at an identity as peers will: PEM as in the files, ca empty for none. source is the address that peers know the node by, as far as that is
// known.
func Inspect(cert, key, ca []byte, source netip.Addr, now time.Time) (out []Finding) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return []Finding{{Certificate, Fatal, "can't be used with transport_key: " + strings.TrimPrefix(err.Error(), "tls: "), ""}}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return []Finding{{Certificate, Fatal, "can't be read: " + err.Error(), ""}}
	}
	if f, ok := dates(leaf, now); ok {
		out = append(out, Finding{Certificate, f.Weight, f.Text, f.Hint})
	}
	if len(ca) > 0 {
		out = append(out, chain(leaf, pair.Certificate[1:], ca, now)...)
	}
	if source.IsValid() && leaf.VerifyHostname(source.String()) != nil {
		out = append(out, Finding{
			Certificate, Note, fmt.Sprintf("is for %s, not for %v", names(leaf), source),
			"peers that name this node by its address need tls_name or tls_pin behind it",
		})
	}
	return out
}

// Dates says what is to be said about the dates of a certificate now; ok is false for nothing.
func Dates(c *x509.Certificate, now time.Time) (text string, ok bool) {
	f, ok := dates(c, now)
	return f.Text, ok
}

// dates says whether the day is one of the certificate's, and will be.
func dates(c *x509.Certificate, now time.Time) (f Finding, ok bool) {
	switch left := c.NotAfter.Sub(now); {
	case now.Before(c.NotBefore):
		return Finding{Weight: Wrong, Text: fmt.Sprintf("is valid from %s only, and it is %s by this machine's clock", date(c.NotBefore), date(now))}, true
	case left < 0:
		return Finding{Weight: Wrong, Text: fmt.Sprintf("has expired: it was valid until %s, and it is %s by this machine's clock", date(c.NotAfter), date(now))}, true
	case left < Soon && left < c.NotAfter.Sub(c.NotBefore)/3: // others are meant to be short
		return Finding{Weight: Note, Text: fmt.Sprintf("expires on %s, in %s", date(c.NotAfter), span(left))}, true
	}
	return f, false
}

func span(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// chain looks at those who are believed, and whether they have signed what we show.
func chain(leaf *x509.Certificate, between [][]byte, ca []byte, now time.Time) (out []Finding) {
	roots, pool, alive := certificates(ca), x509.NewCertPool(), false
	for _, r := range roots {
		pool.AddCert(r)
		alive = alive || !now.Before(r.NotBefore) && !now.After(r.NotAfter)
	}
	switch {
	case len(roots) == 0:
		return []Finding{{CA, Fatal, "has no certificate that can be read", ""}}
	case !alive:
		f, _ := dates(roots[0], now)
		return []Finding{{CA, Wrong, f.Text, ""}}
	}
	rest := x509.NewCertPool()
	for _, der := range between {
		if c, err := x509.ParseCertificate(der); err == nil {
			rest.AddCert(c)
		}
	}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return nil // which is said already
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: rest, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err == nil {
		return nil
	}
	return []Finding{{
		Certificate, Note, fmt.Sprintf("is signed by %q, which transport_ca does not vouch for (%v)", leaf.Issuer.CommonName, err),
		"peers with the same transport_ca will not believe this node",
	}}
}

// certificates are those of a file that can be read.
func certificates(text []byte) (out []*x509.Certificate) {
	for len(text) > 0 {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" || len(b.Headers) > 0 {
			continue
		}
		if c, err := x509.ParseCertificate(bytes.Clone(b.Bytes)); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	list := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		return "no name or address (subjectAltName)"
	}
	const few = 5
	if len(list) > few {
		list = append(list[:few], "others")
	}
	return strings.Join(list, ", ")
}
