package relay

import "testing"

// packet is an Ethernet frame with the parts of an IPv4 packet that flows are told by.
func packet(protocol byte, from, to uint16, flags byte) []byte {
	f := make([]byte, 14+20+20)
	f[12], f[14], f[23] = 8, 0x45, protocol
	f[34], f[35], f[36], f[37], f[47] = byte(from>>8), byte(from), byte(to>>8), byte(to), flags
	return f
}

// TestGuard: only the inside begins, both go on, and what is forgotten has to begin anew: a connection that is in its middle can't.
func TestGuard(t *testing.T) {
	const syn, ack = 2, 16
	r := &Relay{flows: flows{known: map[flow]bool{}, inside: Nobody}}
	pass := func(what string, want bool, from Side, f []byte) {
		t.Helper()
		if got := r.flows.pass(from, f); got != want {
			t.Errorf("%s passes: %v", what, got)
		}
	}
	pass("TCP", true, Left, packet(protoTCP, 5000, 80, ack))
	r.Forget()
	pass("TCP that was forgotten", false, Right, packet(protoTCP, 80, 5000, ack))
	pass("another connection", true, Left, packet(protoTCP, 5001, 80, ack))
	r.Guard(Right)
	pass("ARP", true, Left, make([]byte, 60))
	for _, protocol := range []byte{112, protoUDP} {
		for range 2 {
			pass("what nobody has asked for", false, Left, packet(protocol, 7, 8, 0))
			pass("a question", true, Right, packet(protocol, 8, 7, 0))
			pass("the answer", true, Left, packet(protocol, 7, 8, 0))
			r.Forget()
		}
	}
	pass("a dial from outside", false, Left, packet(protoTCP, 6000, 80, syn))
	pass("the middle of a connection", false, Right, packet(protoTCP, 6001, 80, ack))
	pass("a dial", true, Right, packet(protoTCP, 6001, 80, syn))
	pass("its answer", true, Left, packet(protoTCP, 80, 6001, syn|ack))
	r.Forget()
	pass("its middle, forgotten", false, Right, packet(protoTCP, 6001, 80, ack))
	r.Guard(Nobody)
	pass("a dial from outside, unguarded", true, Left, packet(protoTCP, 6000, 80, syn))
}
