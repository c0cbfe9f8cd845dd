package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"time"
)

// Rule F6: each case breaks everything that is tested later as well, so the order shows.
func TestCheckOrder(t *testing.T) {
	pass := [AuthLen]byte{'s', 'e', 'c', 'r', 'e', 't'}
	want := Expect{Version: V2, AuthType: AuthPass, Password: pass, Interval: 2 * time.Second, Accept: FormPlain}
	a := Advert{Version: V3, Type: 2, AuthType: 3, Interval: time.Second, Sum: FormBad}
	step := func(r Reason, repair func()) {
		t.Helper()
		if got := a.Check(&want); got != r {
			t.Errorf("got %v, want %v", got, r)
		}
		repair()
	}
	step(BadVersion, func() { a.Version = V2 })
	step(BadAuthType, func() { a.AuthType = AuthNone })
	step(AuthMismatch, func() { a.AuthType = AuthAH })
	step(AuthMismatch, func() { a.AuthType = AuthPass })
	step(BadPassword, func() { a.AuthData = pass })
	step(BadInterval, func() { a.Interval = 2 * time.Second })
	step(BadType, func() { a.Type = TypeAdvert })
	step(BadChecksum, func() { a.Sum = FormPlain })
	step(OK, func() {})
}

// AUTH-10.2-01: all eight octets of the password count.
func TestPasswordOctets(t *testing.T) {
	want := Expect{Version: V2, AuthType: AuthPass, Password: [AuthLen]byte{1, 2, 3, 4, 5, 6, 7, 8}, Accept: FormPlain}
	for i := range AuthLen {
		a := Advert{Version: V2, Type: TypeAdvert, AuthType: AuthPass, AuthData: want.Password, Sum: FormPlain}
		a.AuthData[i] ^= 0x01
		if r := a.Check(&want); r != BadPassword {
			t.Errorf("octet %d differs: %v", i, r)
		}
	}
}

func TestCheckIgnores(t *testing.T) {
	// V2-5.3.10-02: authentication data without authentication.
	a := Advert{Version: V2, Type: TypeAdvert, AuthData: [AuthLen]byte{9}, Sum: FormPlain, Interval: time.Second}
	if r := a.Check(&Expect{Version: V2, Interval: time.Second, Accept: FormPlain}); r != OK {
		t.Errorf("data with authentication type 0: %v", r)
	}
	// Rule F8: another interval in version 3.
	b := Advert{Version: V3, Type: TypeAdvert, Sum: FormPseudo, Interval: time.Second}
	if r := b.Check(&Expect{Version: V3, Interval: 2 * time.Second, Accept: FormPseudo}); r != OK {
		t.Errorf("another interval in version 3: %v", r)
	}
}

// keepalived 2.2.7 sends the authentication type over IPv6 too, but no password; see Check.
func TestPasswordOverIPv6(t *testing.T) {
	payload, err := hex.DecodeString("2133c8020101e956fe80000000000000000000000000010020010db8000000000000000000000100")
	if err != nil {
		t.Fatal(err)
	}
	a, r := Decode(payload, src6, Group6(), Options{})
	if r != OK || a.Sum != FormPseudo || a.AuthType != AuthPass {
		t.Fatalf("%v %+v", r, a)
	}
	want := Expect{Version: V2, AuthType: AuthPass, Interval: time.Second, Accept: FormPseudo}
	copy(want.Password[:], "secret")
	if r := a.Check(&want); r != OK {
		t.Errorf("same type: %v", r)
	}
	want.AuthType = AuthNone
	if r := a.Check(&want); r != AuthMismatch {
		t.Errorf("another type: %v", r)
	}
	p := again(&a)
	copy(p.Password[:], "secret")
	tmpl, err := NewTemplate(p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Append(nil, a.Priority, src6, Group6()); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("got %x, %v", got, err)
	}
}

func TestCheckAccept(t *testing.T) {
	for _, c := range []struct {
		sum, accept Form
		want        Reason
	}{
		{FormPseudo, FormPseudo, OK},
		{FormPlain, FormPseudo, BadChecksum},
		{FormPlain, FormPseudo | FormPlain, OK},
		{FormPlain | FormPseudo, FormPseudo, OK},
		{FormGroup, FormPseudo | FormPlain, BadChecksum},
		{FormBad, FormPseudo | FormPlain | FormGroup, BadChecksum},
		{FormBad, FormBad, OK},
		{FormPlain, FormBad | FormPseudo, OK},
		{FormPlain, 0, BadChecksum},
	} {
		a := Advert{Version: V3, Type: TypeAdvert, Sum: c.sum}
		if r := a.Check(&Expect{Version: V3, Accept: c.accept}); r != c.want {
			t.Errorf("%v where %v is accepted: %v, want %v", c.sum, c.accept, r, c.want)
		}
	}
}

func TestReasonStrings(t *testing.T) {
	seen := map[string]Reason{}
	for r := range Reason(Reasons) {
		if r.String() == "" {
			t.Errorf("reason %d has no text", r)
		}
		if other, dup := seen[r.String()]; dup {
			t.Errorf("reasons %d and %d have the same text", r, other)
		}
		seen[r.String()] = r
	}
	for _, r := range []Reason{Reason(Reasons), 200, 255} {
		if got := r.String(); got != fmt.Sprintf("reason %d", int(r)) {
			t.Errorf("an unknown reason is %q", got)
		}
	}
	if got := (FormPlain | FormGroup).String(); got != "plain+group" {
		t.Errorf("a set of forms is %q", got)
	}
	if got := FormZero.String(); got != "zero" {
		t.Errorf("no form is %q", got)
	}
}
