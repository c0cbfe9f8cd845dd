package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp/wire"
)

func testSecret(c string) Secret { return Secret(strings.Repeat(c, 32)) }

func testHMAC(c string) *HMAC {
	return &HMAC{Keys: []HMACKey{{ID: 1, Secret: testSecret(c)}}, Active: 1, Window: 5 * time.Second}
}

// authSpecs are routers with every form of authentication.
func authSpecs(key string) []Spec {
	a, b, c := spec("AH", 51, 100), spec("V2", 52, 100), spec("V3", 53, 100)
	a.AuthType = wire.AuthAH
	copy(a.Password[:], key)
	b.HMAC, c.HMAC = testHMAC(key), testHMAC(key)
	c.Version, c.Accept = 3, wire.FormPseudo
	return []Spec{a, b, c}
}

// speaker is a router elsewhere: an engine of its own that is made to send.
func speaker(t testing.TB, s Spec, priority uint8) (say func(now clock.Now) *Received) {
	s.Priority = priority
	e := New(epoch)
	e.Step(epoch, eth0("192.0.2.2/24"))
	e.Step(epoch, &Configure{Config: &Config{Routers: []Spec{s}}})
	rx := &Received{Port: s.Port(), Src: netip.MustParseAddr("192.0.2.2"), Dst: s.Group, TTL: 255}
	r := e.routers[0]
	return func(now clock.Now) *Received {
		e.begin(now)
		r.send(priority)
		if e.sent != 1 {
			t.Fatalf("%d adverts", e.sent)
		}
		rx.ID, rx.Payload = e.sends[0].ID, e.sends[0].Payload
		return rx
	}
}

// hearer is an engine in BACKUP.
func hearer(specs []Spec) *Engine {
	e := New(epoch)
	e.Step(epoch, eth0("192.0.2.1/24"))
	e.Step(epoch, &Configure{Config: &Config{Routers: specs}})
	return e
}

// What one engine sends the other takes, once.
func TestAuthenticatedAreHeardOnce(t *testing.T) {
	specs := authSpecs("k")
	for i, s := range specs {
		e, say := hearer(specs), speaker(t, s, 200)
		now := epoch
		for n := range 20 {
			if n%3 != 0 { // some at the same moment
				now = now.Add(time.Second / 2)
			}
			rx := say(now)
			for range 2 {
				e.Step(now, rx)
			}
			if st := e.routers[i].stats; st.Received != uint64(n+1) || st.Dropped[wire.AHReplayed]+st.Dropped[wire.TrailerReplayed] != uint64(n+1) {
				t.Fatalf("%s, advert %d: %d heard, refused: %v", s.Name, n, st.Received, st.Dropped)
			}
		}
	}
}

func TestAuthenticationAllocatesNothing(t *testing.T) {
	specs := authSpecs("k")
	for i, s := range specs {
		for _, key := range []string{"k", "x"} {
			e, say := hearer(specs), speaker(t, authSpecs(key)[i], 200)
			now := epoch
			round := func() {
				now = now.Add(time.Second)
				rx := say(now)
				e.Step(now, rx)
				e.Step(now, rx) // replayed, or refused again
				e.Touched()
			}
			for range 20 {
				round()
			}
			if n := testing.AllocsPerRun(50, round); n != 0 {
				t.Errorf("%s, key %s: %v allocations for an advert that is sent, heard and refused", s.Name, key, n)
			}
		}
	}
}

// Nothing prints a key.
func TestSecretsPrintNothing(t *testing.T) {
	s := authSpecs("k")[1]
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x", "%s", "%q"} {
		for _, v := range []any{*s.HMAC, s.HMAC.Keys[0], s.HMAC.Keys[0].Secret} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "kkkk") || strings.Contains(text, "6b6b") || strings.Contains(text, "107 107") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}

// FuzzAuthenticated: nobody who does not have the keys is heard, whatever he sends.
func FuzzAuthenticated(f *testing.F) {
	for i, s := range authSpecs("x") {
		f.Add(uint8(i), speaker(f, s, 200)(epoch).Payload, uint16(1), 255)
	}
	specs := authSpecs("k")
	e := hearer(specs)
	f.Fuzz(func(t *testing.T, which uint8, payload []byte, id uint16, ttl int) {
		s := &specs[int(which)%len(specs)]
		e.Step(epoch, &Received{Port: s.Port(), Src: netip.MustParseAddr("192.0.2.2"), Dst: s.Group, TTL: ttl, ID: id, Payload: payload})
		for _, r := range e.routers {
			if r.stats.Received != 0 || r.master.IsValid() || r.state != Backup {
				t.Fatalf("%s took %x", r.Name(), payload)
			}
		}
	})
}
