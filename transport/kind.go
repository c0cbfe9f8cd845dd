// Package transport carries adverts between nodes that know each other where the network does not carry VRRP: by UDP, TCP and TLS.
// It is pure: the machine here is told what happened and when, and answers with what is to be done. Package carrier does it.
//
// Elections never depend on it. What it loses is silence, as on any other network.
package transport

import "fmt"

// Kind is how the adverts of a router travel.
type Kind uint8

// The transports.
const (
	IP  Kind = iota // IP protocol 112, as in RFC 9568; nothing here is concerned with it
	UDP             // datagrams between known peers
	TCP             // one connection between two peers
	TLS             // the same, and either side has proved who it is
)

var kinds = [...]string{IP: "ip", UDP: "udp", TCP: "tcp", TLS: "tls"}

// Port is the default of transport_port, for UDP and TCP. It is not assigned to anybody (VRRP's protocol number is 112).
const Port = 1112

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("transport %d", uint8(k))
}

// ParseKind reads the name of a transport.
func ParseKind(s string) (k Kind, ok bool) {
	for i, name := range kinds {
		if s == name {
			return Kind(i), true
		}
	}
	return IP, false
}

// RouterID tells the routers apart that one peer has. VRIDs are an interface's: where there are several, ID tells those (transport_id).
type RouterID struct {
	IPv6 bool
	VRID uint8
	ID   uint16
}

// Carried reports whether adverts of this kind go through the carrier.
func (k Kind) Carried() bool { return k >= UDP && k <= TLS }

// Connected reports whether the kind has connections, whose end tells something.
func (k Kind) Connected() bool { return k == TCP || k == TLS }
