// Package certs makes certificates for daemons that tests and benchmarks run.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Make writes a CA (ca.pem with ca.key) into dir, and for each address a certificate that it has signed, with its key: 1.pem with 1.key for
// the first, and so on. They are valid for a day.
func Make(dir string, addrs ...string) error {
	ca := &signed{dir: dir, name: "ca"}
	if err := ca.write(ca); err != nil {
		return err
	}
	for i, addr := range addrs {
		c := &signed{ips: []net.IP{net.ParseIP(addr)}, number: i + 1, dir: dir, name: strconv.Itoa(i + 1)}
		if err := c.write(ca); err != nil {
			return err
		}
	}
	return nil
}

// Lines have a router use what Make has written for address number i, from 0.
func Lines(dir string, i int) []string {
	own := filepath.Join(dir, strconv.Itoa(i+1))
	return []string{"transport_certificate " + own + ".pem", "transport_key " + own + ".key", "transport_ca " + filepath.Join(dir, "ca.pem")}
}

// signed is a certificate and its key.
type signed struct {
	ips       []net.IP
	number    int // 0 of the CA
	dir, name string
	key       *ecdsa.PrivateKey
	cert      *x509.Certificate
}

// write makes it, signed by another one or by itself.
func (s *signed) write(by *signed) (err error) {
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	s.cert = &x509.Certificate{
		SerialNumber: big.NewInt(int64(s.number + 1)), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: s.number == 0, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: s.ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, s.cert, by.cert, &s.key.PublicKey, by.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return err
	}
	if err := s.save(".pem", "CERTIFICATE", der); err != nil {
		return err
	}
	return s.save(".key", "PRIVATE KEY", private)
}

func (s *signed) save(ending, kind string, der []byte) error {
	return os.WriteFile(filepath.Join(s.dir, s.name+ending), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
