package schema

import (
	"fmt"
	"net/netip"

	"holdfast.dev/config/lex"
)

// badService is what is wrong with the address of a virtual_server.
func badService(n *Node) string {
	if name := n.Name(); name == "fwmark" || name == "group" {
		return ""
	}
	a, err := netip.ParseAddr(HostPart(n.Name()))
	port := lex.NumberOK
	if len(n.Args) > 1 {
		_, port = lex.Uint(n.Args[1].Text, 10, 0, 65535, true)
	}
	if err == nil && a.Zone() == "" && port == lex.NumberOK {
		return ""
	}
	return fmt.Sprintf("Invalid virtual server IP address/port %s - skipping", clip(address(n)))
}

// badServer is what is wrong with the address of a real_server; why was reported with the word.
func badServer(n *Node) string {
	for i := range n.Args {
		if !n.Args[i].OK {
			return fmt.Sprintf("Invalid real server ip address/port %s - skipping", clip(address(n)))
		}
	}
	return ""
}

// address is "ADDR/PORT" as given.
func address(n *Node) string {
	if len(n.Args) > 1 {
		return n.Name() + "/" + n.Args[1].Text
	}
	return n.Name()
}
