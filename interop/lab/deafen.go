package lab

import (
	"fmt"
	"os/exec"
	"strings"
)

// Deafen keeps everything that another node sends from this one, which still reaches the other. Everybody else hears both.
func (n *Node) Deafen(from *Node) {
	n.lab.T.Helper()
	nft := Tool(n.lab.T, "nft", "nftables")
	rules := fmt.Sprintf("table netdev deaf-%s { chain out { type filter hook egress device %q priority 0; "+
		"ether saddr 02:00:00:00:00:%02x drop; }; }", n.Name, n.port, from.Number)
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	n.lab.ok(n.lab.fabric.Run(cmd))
	n.lab.rec.note("%s hears nothing of %s any more", n.Name, from.Name)
}

// MAC is the hardware address of eth0.
func (n *Node) MAC() string { return fmt.Sprintf("02:00:00:00:00:%02x", n.Number) }

// Firewall keeps VRRP from this node, as clouds and many firewalls do: IP protocol 112 and multicast.
func (n *Node) Firewall() {
	n.lab.T.Helper()
	nft := Tool(n.lab.T, "nft", "nftables")
	rules := fmt.Sprintf("table netdev wall-%s { chain out { type filter hook egress device %q priority 0; "+
		"meta l4proto 112 drop; ip daddr 224.0.0.0/4 drop; ip6 daddr ff02::12 drop; }; }", n.Name, n.port)
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	n.lab.ok(n.lab.fabric.Run(cmd))
	n.lab.rec.note("%s hears no VRRP any more", n.Name)
}
