package carrier

import (
	"crypto/x509"
	"time"

	"holdfast.dev/transport/proof"
)

// sayDates says which certificates are about to expire, ours and those that peers have shown: connections outlive them, and the next one fails.
func (c *carrier) sayDates(pairs []*pair, now time.Time) {
	ours := map[*identity]bool{}
	for _, p := range pairs {
		p.mu.Lock()
		id, theirs := p.identity, p.shown()
		p.mu.Unlock()
		if id != nil && !ours[id] {
			ours[id] = true
			if leaf, err := x509.ParseCertificate(id.cert.Certificate[0]); err == nil {
				c.sayDate("our transport_certificate", leaf, now)
			}
		}
		if theirs != nil {
			c.sayDate("the certificate of "+p.key.Kind.String()+" peer "+p.key.Addr.String(), theirs, now)
		}
	}
}

func (c *carrier) sayDate(whose string, leaf *x509.Certificate, now time.Time) {
	if text, ok := proof.Dates(leaf, now); ok {
		c.tell.say(warning, "%s %s", whose, text)
	}
}

// shown is the certificate that the peer has proved itself with; nil for none. The mutex is held.
func (p *pair) shown() *x509.Certificate {
	for _, c := range p.Conns {
		if c.Up && len(c.certs) > 0 {
			return c.certs[0]
		}
	}
	return nil
}
