package main

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
	"time"
)

// certificates makes a CA, and for each address a certificate with its key: ADDRESS.pem, ADDRESS.key and ca.pem in a folder of their own.
func (b *bench) certificates(addrs []string) (dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, "certificates-"); err != nil {
		return "", err
	}
	ca := &signed{ip: net.ParseIP("127.0.0.1"), dir: dir, name: "ca"}
	if err := ca.write(ca); err != nil {
		return "", err
	}
	for i, addr := range addrs {
		c := &signed{ip: net.ParseIP(addr), number: i + 1, dir: dir, name: addr}
		if err := c.write(ca); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// signed is a certificate and its key.
type signed struct {
	ip        net.IP
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
		SerialNumber: big.NewInt(int64(s.number + 1)), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: s.number == 0, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{s.ip},
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
