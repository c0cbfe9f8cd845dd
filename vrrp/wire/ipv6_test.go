package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// The checksum is made over the message as if it had none yet, whatever stands there; and only IPv6 addresses will do.
func TestAppendIPv6(t *testing.T) {
	src, dst := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("ff02::12")
	message := []byte{0x31, 1, 100, 1, 0, 100, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}
	want, err := AppendIPv6(nil, src, dst, 0, message)
	if err != nil || len(want) != 40+len(message) || want[7] != HopLimit {
		t.Fatalf("%x, %v", want, err)
	}
	if m := want[40:]; fold(sum(m)+pseudo(src, dst, len(m))) != 0xffff || !bytes.Equal(m[:6], message[:6]) || !bytes.Equal(m[8:], message[8:]) {
		t.Errorf("%x: the checksum is wrong, or more than it was changed", m)
	}
	for at := 6; at < 8; at++ {
		other := bytes.Clone(message)
		other[at] = 0xa5
		if got, _ := AppendIPv6(nil, src, dst, 0, other); !bytes.Equal(got, want) {
			t.Errorf("octet %d of what stood there counts: %x, not %x", at, got, want)
		}
	}
	four, mapped := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1")
	for _, pair := range [][2]netip.Addr{{four, dst}, {src, four}, {mapped, dst}, {src, mapped}} {
		if b, err := AppendIPv6([]byte{7}, pair[0], pair[1], 0, message); !errors.Is(err, ErrFamily) || len(b) != 1 {
			t.Errorf("%v: %x, %v", pair, b, err)
		}
	}
	if _, err := NewTrailerKey(3, make([]byte, 7)); err == nil || !strings.Contains(err.Error(), "key 3 is 7 octets long, not 32 to 64") {
		t.Errorf("a short key: %v", err)
	}
}
