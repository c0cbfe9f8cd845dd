package carrier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast.dev/supervisor/role"
	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
)

// node is a carrier with a supervisor and a vrrp role that the test plays.
type node struct {
	t       testing.TB
	addr    netip.Addr
	id      transport.NodeID
	port    uint16
	ctl     *role.Conn
	ended   chan error
	gen     uint64
	ready   chan role.Ready
	done    chan uint64
	socks   map[transport.Listen]*os.File // what the supervisor keeps
	given   map[transport.Listen]bool
	vrrp    *os.File
	mu      sync.Mutex
	logs    []string
	heard   []local.Msg
	advert  map[[2]byte]int // by VRID and marker octet
	link    local.Msg
	died    int
	auth    *authority // of TLS, of both
	carrier *carrier
	watch   func(m *local.Msg) // sees all that comes; nil for nobody
}

var nets atomic.Uint32

// addrs are two loopback addresses that no other test uses, and a port that is free on both.
func addrs(t *testing.T) (a, b netip.Addr, port uint16) {
	t.Helper()
	pid := os.Getpid()
	a = netip.AddrFrom4([4]byte{127, byte(100 + nets.Add(1)), byte(pid >> 8), byte(pid)&^15 | 1})
	b = a.Next()
	l, err := net.Listen("tcp", netip.AddrPortFrom(a, 0).String())
	ok(t, err)
	defer l.Close()
	return a, b, uint16(l.Addr().(*net.TCPAddr).Port)
}

// newNode starts a carrier. The supervisor's sockets are open until killed.
func newNode(t *testing.T, addr netip.Addr, port uint16) *node {
	t.Helper()
	n := newBareNode(t, addr, port)
	n.start()
	t.Cleanup(func() {
		n.stop()
		n.closeSockets()
	})
	return n
}

// newBareNode is one that nobody cleans up after.
func newBareNode(t testing.TB, addr netip.Addr, port uint16) *node {
	n := &node{
		t: t, addr: addr, port: port, socks: map[transport.Listen]*os.File{}, advert: map[[2]byte]int{},
	}
	_, _ = rand.Read(n.id[:])
	return n
}

// start runs the carrier's process, again if there was one.
func (n *node) start() {
	n.t.Helper()
	sf, cf, err := role.Pair()
	ok(n.t, err)
	n.ctl, err = role.NewConn(sf)
	ok(n.t, err)
	c, err := role.NewConn(cf)
	ok(n.t, err)
	n.ended, n.ready, n.done = make(chan error, 1), make(chan role.Ready, 10), make(chan uint64, 10)
	n.given = map[transport.Listen]bool{}
	n.carrier = newCarrier(c)
	go func() {
		err := n.carrier.run()
		_ = c.Close()
		n.ended <- err
	}()
	go n.hearCtl(n.ctl, n.ready, n.done)
	n.meet()
}

func (n *node) hearCtl(ctl *role.Conn, ready chan role.Ready, done chan uint64) {
	for {
		m, _, err := ctl.Recv()
		switch {
		case err != nil:
			return
		case m.Ready != nil:
			ready <- *m.Ready
		case m.Done != nil:
			done <- m.Done.Gen
		case m.Log != nil:
			n.mu.Lock()
			n.logs = append(n.logs, m.Log.Text)
			n.mu.Unlock()
		}
	}
}

// meet gives the carrier a socket to the vrrp role.
func (n *node) meet() {
	n.t.Helper()
	mine, theirs, err := role.Pair()
	ok(n.t, err)
	ok(n.t, n.ctl.Send(role.Msg{Peer: &role.Peer{Role: role.VRRP}}, theirs))
	_ = theirs.Close()
	n.vrrp = mine
	go n.hearVRRP(mine)
}

func (n *node) hearVRRP(f *os.File) {
	b := make([]byte, local.MaxDatagram)
	for {
		k, err := f.Read(b)
		if err != nil || k == 0 {
			return
		}
		for rest := b[:k]; len(rest) > 0; {
			var m local.Msg
			if m, rest, err = local.Next(rest); err != nil {
				n.t.Errorf("the carrier sent garbage")
				return
			}
			n.note(m)
		}
	}
}

func (n *node) note(m local.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch m.Type {
	case local.Received:
		if n.watch != nil {
			n.watch(&m)
			return
		}
		n.advert[[2]byte{m.Payload[1], m.Payload[2]}]++
		m.Payload = nil
	case local.Link:
		n.link = m
		return
	case local.Died:
		n.died++
	}
	if len(n.heard) < 10000 {
		n.heard = append(n.heard, m)
	}
}

// configure has the carrier take a configuration, as the supervisor does.
func (n *node) configure(c *transport.Config) error {
	n.t.Helper()
	c.Node, c.Release = n.id, "test"
	for _, at := range c.Listens() {
		if n.given[at] {
			continue
		}
		if n.socks[at] == nil {
			n.socks[at] = openSocket(n.t, at)
		}
		ok(n.t, n.ctl.Send(role.Msg{Listener: &role.Listener{Gen: n.gen + 1, Listen: at}}, n.socks[at]))
		n.given[at] = true
	}
	f, err := role.SealedTransport(c)
	ok(n.t, err)
	defer f.Close()
	n.gen++
	ok(n.t, n.ctl.Send(role.Msg{Prepare: &role.Prepare{Gen: n.gen}}, f))
	if r := wait(n.t, n.ready); r.Err != "" {
		return fmt.Errorf("%s", r.Err)
	}
	ok(n.t, n.ctl.Send(role.Msg{Commit: &role.Gen{Gen: n.gen}}))
	wait(n.t, n.done)
	return nil
}

func openSocket(t testing.TB, at transport.Listen) *os.File {
	t.Helper()
	addr := netip.AddrPortFrom(at.Addr, at.Port)
	if at.TCP {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
		ok(t, err)
		defer l.Close()
		f, err := l.File()
		ok(t, err)
		return f
	}
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	ok(t, err)
	defer u.Close()
	f, err := u.File()
	ok(t, err)
	return f
}

// die ends a carrier as a killed process ends: the kernel closes its sockets, and nobody says a word.
func (c *carrier) die() {
	c.mu.Lock()
	all := c.all
	c.mu.Unlock()
	for _, p := range all {
		p.vanish()
	}
	_ = c.ctl.Close()
	c.local.shut()
}

// stop ends the carrier politely.
func (n *node) stop() {
	if n.ctl == nil {
		return
	}
	_ = n.ctl.Send(role.Msg{Stop: &role.Stop{Within: 5 * time.Second}})
	wait(n.t, n.ended)
	_ = n.ctl.Close()
	_ = n.vrrp.Close()
	n.ctl = nil
}

func (n *node) closeSockets() {
	for at, f := range n.socks {
		_ = f.Close()
		delete(n.socks, at)
	}
}

// send gives the carrier an advert to carry. mark stands where the priority does.
func (n *node) send(kind transport.Kind, to netip.Addr, vrid, mark byte, centis uint16) {
	m := local.Msg{Type: local.Send, Kind: kind, Src: n.addr, Dst: to, Payload: advert(vrid, mark, centis)}
	_, _ = n.vrrp.Write(local.Append(nil, &m))
}

func advert(vrid, mark byte, centis uint16) []byte {
	return []byte{0x31, vrid, mark, 1, byte(centis >> 8), byte(centis), 0, 0, 192, 0, 2, 100}
}

func (n *node) got(vrid, mark byte) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.advert[[2]byte{vrid, mark}]
}

func (n *node) up() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link.Up
}

func (n *node) lastLink() local.Msg {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link
}

func (n *node) deaths() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.died
}

func (n *node) log() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.logs...)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const patience = time.Minute // only a broken program or a dead machine uses it up

func wait[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("nothing came in a minute")
	}
	return v
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("still not so after a minute: %s", what)
}

// config is one peer by one transport.
func config(kind transport.Kind, me, peer netip.Addr, port uint16, ids ...transport.Identity) *transport.Config {
	return &transport.Config{
		Peers: []transport.Peer{{
			PeerKey:  transport.PeerKey{Kind: kind, Local: me, Addr: peer, Port: port},
			Interval: 100 * time.Millisecond, Down: 300 * time.Millisecond, Name: peer.String(),
		}},
		Identities: ids,
	}
}

// authority signs certificates.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
	n    int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &a.key.PublicKey, a.key)
	ok(t, err)
	a.cert, err = x509.ParseCertificate(der)
	ok(t, err)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

// identity is a fresh key with a certificate for the names.
func (a *authority) identity(names ...string) transport.Identity {
	a.t.Helper()
	a.n++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(a.t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.n), Subject: pkix.Name{CommonName: "node"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	ok(a.t, err)
	k, err := x509.MarshalPKCS8PrivateKey(key)
	ok(a.t, err)
	return transport.Identity{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k}), CA: a.pem,
	}
}
