package main

import (
	"bytes"
	"testing"

	"golang.org/x/net/bpf"

	"holdfast.dev/transport"
	"holdfast.dev/transport/wire"
)

// segment is an Ethernet frame with a segment of TCP, or a datagram, from the port of other transports.
func segment(protocol byte, payload []byte) []byte {
	f := make([]byte, 14+20)
	f[12], f[14], f[23] = 8, 0x45, protocol
	head := make([]byte, 8)
	if protocol == 6 {
		head = make([]byte, 32)
		head[12] = 8 << 4
	}
	head[0], head[1] = transport.Port>>8, transport.Port&0xff
	return append(append(f, head...), payload...)
}

func TestCarriedAdverts(t *testing.T) {
	ad := (&wire.Advert{Packet: []byte{0x31, 1, 100, 1, 0, 100, 0, 0, 10, 0, 1, 1}}).Append(nil)
	report, ping := (&wire.Report{VRID: 1}).Append(nil), (&wire.Ping{}).Append(nil)
	vm, err := bpf.NewVM(filter)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what    string
		payload []byte
		want    bool
	}{
		{"advert", ad, true},
		{"report", report, false},
		{"ping and report", append(bytes.Clone(ping), report...), false},
		{"ping, report and advert", append(append(bytes.Clone(ping), report...), ad...), true},
		{"nothing", nil, false},
	} {
		for _, protocol := range []byte{6, 17} {
			f := segment(protocol, c.payload)
			if n, err := vm.Run(f); n == 0 || err != nil {
				t.Errorf("%s by %d does not pass the filter", c.what, protocol)
			}
			if a, ok := parseAdvert(f); ok != c.want || ok && (a.vrid != 1 || a.priority != 100) {
				t.Errorf("%s by %d: %+v %v", c.what, protocol, a, ok)
			}
		}
		record := append([]byte{23, 3, 3, 0, byte(len(c.payload) + 17)}, make([]byte, len(c.payload)+17)...)
		if _, ok := parseAdvert(segment(6, record)); ok != c.want {
			t.Errorf("%s, sealed: %v", c.what, ok)
		}
	}
	other := segment(6, ad)
	other[34], other[35] = 0, 80
	if n, _ := vm.Run(other); n != 0 {
		t.Error("another port passes the filter")
	}
	for n := range segment(6, ad) {
		parseAdvert(segment(6, ad)[:n]) // must not panic
	}
}
