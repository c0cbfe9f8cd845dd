package host_test

import (
	"errors"
	"testing"
)

// An IPv6 address stands once, whatever its prefix length. One that replaces it with another length must wait until it has gone: what is
// added before is found to be there, and is gone a moment later.
func TestPrefixLengthOfIPv6Changes(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("2001:db8::2/64"))
	w.expect("applied 1.1 final [2001:db8::2/64 eth0]", "+2001:db8::2/64 eth0", "eth0 up: 2001:db8::2/64")
	w.r.Want(1, 2, want("2001:db8::2/128"))
	w.expect("applied 1.2 final [2001:db8::2/128 eth0]", "-2001:db8::2/64 eth0, +2001:db8::2/128 eth0", "eth0 up: 2001:db8::2/128")
}

// What we hold is not among the addresses that a link is reported with: it comes and goes without a report, so whoever had it from an
// older one would take it for an address of the host's when it is gone.
func TestHeldAddressesAreNotReported(t *testing.T) {
	w := newWorld(t)
	w.k.AddAddr("eth0", "192.168.0.1/24")
	w.k.AddAddr("eth0", "10.0.0.4/24") // left by an earlier run
	w.run()
	if n := len(w.links["eth0"].Addrs); n != 2 {
		t.Fatalf("%d addresses are reported before anything is wanted", n)
	}
	w.r.Want(1, 1, want("10.0.0.3/32", "10.0.0.4/24"))
	w.run()
	w.k.SetCarrier("eth0", false)
	w.run()
	w.r.Want(1, 2, want())
	w.run()
	if l := w.links["eth0"]; len(l.Addrs) != 1 || l.Addrs[0].Prefix.String() != "192.168.0.1/24" {
		t.Errorf("eth0 is reported with %v", l.Addrs)
	}
}

// What the kernel answered was lost, and it can't be read: an address that may be gone is not said to stand until the kernel says so.
func TestLostAnswerIsNoConfirmation(t *testing.T) {
	w := newWorld(t)
	w.r.Want(1, 1, want("10.0.0.3/32"))
	w.run()
	w.heard()
	w.k.LookError = errUnreadable
	w.k.DropAnswers = 1
	w.r.Want(1, 2, want())
	w.run()
	w.r.Want(1, 3, want("10.0.0.3/32"))
	for range 10 {
		_, _ = w.r.Round(w.k) // the error is that it can't be read
		w.take()
	}
	if _, ops := w.heard(); ops != "-10.0.0.3/32 eth0, +10.0.0.3/32 eth0" {
		t.Errorf("operations %s", ops)
	}
	w.k.LookError = nil
	w.expect("", "", "eth0 up: 10.0.0.3/32")
}

var errUnreadable = errors.New("device or resource busy")
