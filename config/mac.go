package config

import (
	"fmt"
	"strconv"
	"strings"
)

// HardwareAddr is an Ethernet address.
type HardwareAddr [6]byte

// String is the form with colons.
func (h HardwareAddr) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", h[0], h[1], h[2], h[3], h[4], h[5])
}

// MarshalText is String.
func (h HardwareAddr) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads six octets.
func (h *HardwareAddr) UnmarshalText(text []byte) error {
	octets, ok := parseOctets(string(text))
	if !ok || len(octets) != len(h) {
		return fmt.Errorf("%q is no Ethernet address", text)
	}
	copy(h[:], octets)
	return nil
}

// parseOctets reads hexadecimal octets joined by colons.
func parseOctets(s string) (octets []byte, ok bool) {
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil || len(part) > 2 {
			return nil, false
		}
		octets = append(octets, byte(n))
	}
	return octets, true
}
