package link

import (
	"errors"
	"fmt"
	"net/netip"

	"holdfast.dev/vrrp/wire"
)

// Spec says what a Port is to be. With Link it is bound to that interface and may join groups; without, it is bound to the
// address Local and to no interface (rule O2, unicast_src_ip without an interface), or to that of a VRF.
type Spec struct {
	Link   string       // interface name, for texts and, where Index is 0, to find the index
	Index  int          // index of Link, or of VRF; 0 looks it up
	Family int          // 4 or 6
	AH     bool         // IPv4: adverts behind an Authentication Header (protocol 51) instead of plain ones
	Local  netip.Addr   // only without Link: where packets are received, and the one source they are sent from
	VRF    string       // only with Local: the interface of the VRF that it is in; empty for none
	Groups []netip.Addr // joined by Open, in this order; needs Link
	RcvBuf int          // octets that may wait to be received, see RcvBufFor; 0 leaves the kernel's default
	VRIDs  *VRIDSet     // virtual routers that are listened for; nil listens for all
}

// name is how a port is called in errors.
func (s *Spec) name() string {
	place, ah := s.Link, ""
	if place == "" {
		place = s.Local.String()
	}
	if s.VRF != "" {
		place += " in " + s.VRF
	}
	if s.AH {
		ah = ", AH"
	}
	return fmt.Sprintf("%s (IPv%d%s)", place, s.Family, ah)
}

func (s *Spec) protocol() int {
	if s.AH {
		return wire.ProtoAH
	}
	return wire.ProtoVRRP
}

func (s *Spec) check() error {
	switch {
	case s.Family != 4 && s.Family != 6:
		return fmt.Errorf("family %d is neither 4 nor 6", s.Family)
	case s.AH && s.Family != 4:
		return errors.New("the Authentication Header is for IPv4 only")
	case s.Index < 0:
		return fmt.Errorf("interface index %d is negative", s.Index)
	case s.RcvBuf < 0:
		return fmt.Errorf("receive buffer of %d octets is negative", s.RcvBuf)
	}
	if s.Link == "" {
		return s.checkLocal()
	}
	if s.Local.IsValid() || s.VRF != "" {
		return errors.New("both an interface and a local address to bind to")
	}
	for _, g := range s.Groups {
		if err := checkGroup(s.Family, g); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) checkLocal() error {
	switch {
	case !s.Local.IsValid():
		return errors.New("neither an interface nor a local address to bind to")
	case s.Index != 0 && s.VRF == "":
		return errors.New("an interface index without an interface name")
	case len(s.Groups) > 0:
		return errors.New("multicast groups need an interface")
	case !isFamily(s.Family, s.Local), s.Local.IsMulticast(), s.Local.IsUnspecified():
		return fmt.Errorf("%s is not an IPv%d source address", s.Local, s.Family)
	case s.Local.Is6() && s.Local.IsLinkLocalUnicast():
		return fmt.Errorf("the link-local address %s needs an interface", s.Local)
	}
	return nil
}

func checkGroup(family int, g netip.Addr) error {
	if !isFamily(family, g) || !g.IsMulticast() {
		return fmt.Errorf("%s is not an IPv%d multicast group", g, family)
	}
	return nil
}

// isFamily reports whether a is of the family. IPv4-mapped IPv6 addresses are of none, they never stand on a wire.
func isFamily(family int, a netip.Addr) bool {
	if family == 4 {
		return a.Is4()
	}
	return a.Is6() && !a.Is4In6()
}
