package track

import "net/netip"

// Does says what a built-in check looks at.
type Does uint8

// What vrrp_check knows.
const (
	Nothing Does = iota
	Connect      // TCP: a connection is accepted
	Fetch        // HTTP or HTTPS: the answer has a status that is wanted
	Unit         // systemd: the unit is active
	Exists       // a file is there
	Default      // a default route is there, in the main table
)

// Probe is what a vrrp_check does. It is comparable: two that are equal give the same results.
type Probe struct {
	Does     Does
	Addr     netip.AddrPort // of Connect
	URL      string         // of Fetch: http:// or https://
	Low, Top int            // of Fetch: the range of statuses that is wanted, 100 to 599
	Insecure bool           // of Fetch: whose certificate it is does not matter
	Unit     string         // of Unit: with its suffix
	Path     string         // of Exists
	IPv6     bool           // of Default
	Link     string         // of Default: the interface that it leads through; empty for any
}
