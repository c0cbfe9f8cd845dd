package wire

import (
	"fmt"
	"net/netip"
	"time"
)

const (
	centisecond = 10 * time.Millisecond
	maxV2       = 255 * time.Second
	maxV3       = 4095 * centisecond
)

// ParamError says which parameter of a packet cannot be sent as it is.
type ParamError struct {
	Param string // field of Params
	Text  string // what is wrong with it
}

func (e *ParamError) Error() string { return "VRRP packet: " + e.Param + ": " + e.Text }

// Params describe the adverts of one instance, all but what changes from one to the next.
type Params struct {
	Version  uint8         // V2 or V3
	IPv6     bool          // family; Addrs may be empty (no_virtual_ipaddress)
	VRID     uint8         // 1 to 255
	AuthType uint8         // version 2: AuthNone, AuthPass or AuthAH
	Password [AuthLen]byte // version 2 with AuthPass: padded with zeros; over IPv6 it is not sent
	Interval time.Duration // version 2: 1 to 255 s, whole seconds; version 3: 10 ms to 40.95 s in steps of 10 ms
	Addrs    []netip.Addr  // at most 255 of the family, in the order to send
	Sum      Form          // exactly one form; DefaultForm is keepalived's. FormZero over IPv6 only
	Group    netip.Addr    // IPv4 group of FormGroup; the zero Addr means Group4
}

func (p *Params) check() error {
	if p.Version != V2 && p.Version != V3 {
		return &ParamError{"Version", fmt.Sprintf("%d is neither 2 nor 3", p.Version)}
	}
	if p.VRID == 0 {
		return &ParamError{"VRID", "0 is not in the range 1 to 255"}
	}
	if err := p.checkAuth(); err != nil {
		return err
	}
	if err := p.checkInterval(); err != nil {
		return err
	}
	if err := p.checkSum(); err != nil {
		return err
	}
	return p.checkAddrs()
}

func (p *Params) checkAuth() error {
	switch {
	case p.Version == V3 && p.AuthType != AuthNone:
		return &ParamError{"AuthType", "version 3 has no authentication"}
	case p.AuthType > AuthAH:
		return &ParamError{"AuthType", fmt.Sprintf("%d is none of 0 (none), 1 (password) and 2 (AH)", p.AuthType)}
	case p.AuthType == AuthAH && p.IPv6:
		return &ParamError{"AuthType", "AH does not work over IPv6"}
	case p.AuthType != AuthPass && p.Password != [AuthLen]byte{}:
		return &ParamError{"Password", "only authentication type 1 has a password in the packet"}
	}
	return nil
}

func (p *Params) checkInterval() error {
	unit, limit := centisecond, maxV3
	if p.Version == V2 {
		unit, limit = time.Second, maxV2
	}
	if p.Interval < unit || p.Interval > limit {
		return &ParamError{"Interval", fmt.Sprintf("%v is not in the range %v to %v of version %d", p.Interval, unit, limit, p.Version)}
	}
	if p.Interval%unit != 0 {
		return &ParamError{"Interval", fmt.Sprintf("%v is not a multiple of %v, the unit of version %d", p.Interval, unit, p.Version)}
	}
	return nil
}

func (p *Params) checkSum() error {
	var possible bool
	switch p.Sum {
	case FormZero:
		possible = p.IPv6
	case FormPlain:
		possible = !p.IPv6
	case FormPseudo:
		possible = p.IPv6 || p.Version == V3
	case FormGroup:
		possible = !p.IPv6 && p.Version == V3
	}
	if !possible {
		return &ParamError{"Sum", fmt.Sprintf("version %d over %s has no checksum of form %s", p.Version, familyName(p.IPv6), p.Sum)}
	}
	if p.Group.IsValid() && !p.Group.Is4() {
		return &ParamError{"Group", p.Group.String() + " is not an IPv4 address"}
	}
	return nil
}

func (p *Params) checkAddrs() error {
	if len(p.Addrs) > 255 {
		return &ParamError{"Addrs", fmt.Sprintf("%d addresses, but a packet holds at most 255", len(p.Addrs))}
	}
	for _, a := range p.Addrs {
		if a.Is4() == p.IPv6 || !a.IsValid() || a.Is4In6() {
			return &ParamError{"Addrs", fmt.Sprintf("%v is not an %s address", a, familyName(p.IPv6))}
		}
		if a.Zone() != "" {
			return &ParamError{"Addrs", fmt.Sprintf("%v has a zone, which cannot be sent", a)}
		}
	}
	return nil
}

func familyName(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}
