package carrier

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast.dev/transport"
	"holdfast.dev/transport/pairing"
)

// identity is what we prove to be, and whom we believe.
type identity struct {
	pem   [2][]byte // certificate and key as they were read
	cert  tls.Certificate
	roots *x509.CertPool // nil for none
}

// readIdentity parses what the configuration has read from files.
func readIdentity(i *transport.Identity) (*identity, error) {
	cert, err := tls.X509KeyPair(i.Certificate, i.Key)
	if err != nil {
		return nil, fmt.Errorf("transport_certificate and transport_key: %w", err)
	}
	id := &identity{pem: [2][]byte{i.Certificate, i.Key}, cert: cert}
	if len(i.CA) > 0 {
		id.roots = x509.NewCertPool()
		if !id.roots.AppendCertsFromPEM(i.CA) {
			return nil, errors.New("transport_ca: there is no certificate in it")
		}
	}
	return id, nil
}

// same reports whether both prove the same in the same way.
func (i *identity) same(o *identity) bool {
	return i == o || i != nil && o != nil && bytes.Equal(i.pem[0], o.pem[0]) && bytes.Equal(i.pem[1], o.pem[1])
}

// base is what both sides' settings have in common: TLS 1.3 only, nothing kept between connections.
func (i *identity) base() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.cert},
		SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true,
	}
}

// server are the settings for whoever dials us. Who he is is found out afterwards (proves).
func (i *identity) server() *tls.Config {
	c := i.base()
	c.ClientAuth = tls.RequireAnyClientCert
	return c
}

// client are the settings for a dial to the peer.
func (i *identity) client(p *transport.Peer) *tls.Config {
	c := i.base()
	c.InsecureSkipVerify = true // what follows is stricter, and knows pins
	c.VerifyConnection = func(s tls.ConnectionState) error { return i.proves(p, s.PeerCertificates) }
	if p.Name != "" {
		c.ServerName = p.Name
	}
	return c
}

// proves says why the certificates do not prove that somebody is the peer; nil if they do. TLS has made sure that he has the key.
func (i *identity) proves(p *transport.Peer, certs []*x509.Certificate) error {
	if len(certs) == 0 {
		return pairing.Denied("the peer has shown no certificate")
	}
	leaf := certs[0]
	if !p.Pin.IsZero() {
		if sha256.Sum256(leaf.RawSubjectPublicKeyInfo) != p.Pin {
			return pairing.Denied("the peer's key is not the one of tls_pin")
		}
		return nil
	}
	if i.roots == nil {
		return pairing.Denied("neither transport_ca nor tls_pin says whom to believe")
	}
	name := p.Name
	if name == "" {
		name = p.Addr.String()
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: i.roots, Intermediates: between, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return pairing.Denied(doubt(leaf, err))
	}
	return nil
}

// doubt says why a certificate is not believed, shortly: there is little room where it is shown.
func doubt(leaf *x509.Certificate, err error) string {
	const form = "2006-01-02 15:04 UTC"
	switch now := time.Now(); {
	case now.After(leaf.NotAfter):
		return "its certificate has expired on " + leaf.NotAfter.UTC().Format(form) + ", says our clock"
	case now.Before(leaf.NotBefore):
		return "its certificate is valid from " + leaf.NotBefore.UTC().Format(form) + " only, says our clock"
	}
	return "its certificate is not accepted: " + strings.TrimPrefix(err.Error(), "x509: ")
}
