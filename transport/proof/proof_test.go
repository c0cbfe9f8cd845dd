package proof

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	today = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	mine  = netip.MustParseAddr("10.0.0.1")
)

const day = 24 * time.Hour

// made is a certificate and its key, in PEM.
type made struct {
	cert, key []byte
	x         *x509.Certificate
	k         *ecdsa.PrivateKey
}

// sign makes a certificate that is valid from and until so long after today, by another one or, if that is nil, by itself.
func sign(t *testing.T, by *made, from, until time.Duration, ips ...net.IP) *made {
	t.Helper()
	m := &made{}
	var err error
	if m.k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	m.x = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "somebody"}, NotBefore: today.Add(from), NotAfter: today.Add(until),
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: ips,
	}
	if by == nil {
		by = m
	}
	der, err := x509.CreateCertificate(rand.Reader, m.x, by.x, &m.k.PublicKey, by.k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(m.k)
	if err != nil {
		t.Fatal(err)
	}
	m.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	m.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return m
}

func TestInspect(t *testing.T) {
	ip := net.IP{10, 0, 0, 1}
	ca, other, old := sign(t, nil, -100*day, 1000*day), sign(t, nil, -100*day, 1000*day), sign(t, nil, -100*day, -day)
	good := sign(t, ca, -day, 400*day, ip)
	for _, c := range []struct {
		name          string
		cert, key, ca []byte
		want          Weight
		file          File
		text          string // none for no finding
	}{
		{"good", good.cert, good.key, ca.cert, 0, "", ""},
		{"without a CA", good.cert, good.key, nil, 0, "", ""},
		{"another key", good.cert, ca.key, ca.cert, Fatal, Certificate, "private key does not match"},
		{"nonsense", []byte("x"), good.key, ca.cert, Fatal, Certificate, "can't be used"},
		{"another CA", good.cert, good.key, other.cert, Note, Certificate, "does not vouch for"},
		{"a CA that is none", good.cert, good.key, good.key, Fatal, CA, "no certificate"},
		{"a CA that has expired", good.cert, good.key, old.cert, Wrong, CA, "has expired: it was valid until 2026-02-28 03:00 UTC, and it is 2026-03-01 03:00 UTC"},
		{"one of two CAs has expired", good.cert, good.key, append(append([]byte(nil), old.cert...), ca.cert...), 0, "", ""},
	} {
		check(t, c.name, Inspect(c.cert, c.key, c.ca, mine, today), c.want, c.file, c.text)
	}
	for _, c := range []struct {
		name        string
		from, until time.Duration
		ips         []net.IP
		want        Weight
		text        string
	}{
		{"expired", -400 * day, -time.Hour, []net.IP{ip}, Wrong, "has expired"},
		{"not yet", time.Hour, 400 * day, []net.IP{ip}, Wrong, "is valid from 2026-03-01 04:00 UTC only"},
		{"soon", -370 * day, 10*day + time.Hour, []net.IP{ip}, Note, "in 10 days"},
		{"short, and young", -time.Hour, 7 * day, []net.IP{ip}, 0, ""},
		{"short, and old", -6 * day, day + time.Hour, []net.IP{ip}, Note, "in 25 hours"},
		{"of somebody else", -day, 400 * day, []net.IP{{10, 0, 0, 9}}, Note, "is for 10.0.0.9, not for 10.0.0.1"},
		{"of nobody", -day, 400 * day, nil, Note, "is for no name or address (subjectAltName), not"},
	} {
		m := sign(t, ca, c.from, c.until, c.ips...)
		check(t, c.name, Inspect(m.cert, m.key, ca.cert, mine, today), c.want, Certificate, c.text)
	}
	if got := Inspect(good.cert, good.key, ca.cert, netip.Addr{}, today); len(got) > 0 {
		t.Errorf("without a source: %+v", got)
	}
}

func check(t *testing.T, name string, got []Finding, want Weight, file File, text string) {
	t.Helper()
	switch {
	case text == "" && len(got) > 0:
		t.Errorf("%s: %+v", name, got)
	case text != "" && (len(got) != 1 || got[0].Weight != want || got[0].File != file || !strings.Contains(got[0].Text, text)):
		t.Errorf("%s: %+v, want %q", name, got, text)
	}
}
