package lab

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Numbers of the bridge that x/sys does not name.
const (
	brMcastSnooping = 23 // IFLA_BR_MCAST_SNOOPING
	portState       = 1  // IFLA_BRPORT_STATE
	stateDisabled   = 0  // BR_STATE_DISABLED
	stateForwarding = 3  // BR_STATE_FORWARDING
)

// Cut takes the node off the bridge without its noticing: it keeps its carrier and hears nothing, and is not heard.
// Until Heal it does not count for a Scene.
func (n *Node) Cut() {
	n.lab.T.Helper()
	n.lab.ok(n.lab.setPortState(n.port, stateDisabled))
	n.lab.rec.leave(n, time.Now())
}

// Heal puts the node back.
func (n *Node) Heal() {
	n.lab.T.Helper()
	n.lab.rec.enter(n, time.Now())
	n.lab.ok(n.lab.setPortState(n.port, stateForwarding))
}

// Mute drops the VRRP packets that the node sends; it still hears the others. The node goes on counting.
func (n *Node) Mute() {
	n.lab.T.Helper()
	nft := Tool(n.lab.T, "nft", "nftables")
	rules := fmt.Sprintf("table netdev lab-%s { chain in { type filter hook ingress device %q priority 0; "+
		"meta l4proto 112 drop; }; }", n.Name, n.port)
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	n.lab.ok(n.lab.fabric.Run(cmd))
}

// Unmute ends Mute.
func (n *Node) Unmute() {
	n.lab.T.Helper()
	nft := Tool(n.lab.T, "nft", "nftables")
	n.lab.ok(n.lab.fabric.Run(exec.Command(nft, "delete", "table", "netdev", "lab-"+n.Name)))
}

// Unplug takes the carrier off eth0.
func (n *Node) Unplug() { n.lab.T.Helper(); n.lab.ok(n.lab.fabric.SetDown(n.port)) }

// Plug ends Unplug.
func (n *Node) Plug() { n.lab.T.Helper(); n.lab.ok(n.lab.fabric.SetUp(n.port)) }

// UnplugSpare takes the carrier off eth1.
func (n *Node) UnplugSpare() { n.lab.T.Helper(); n.lab.ok(n.lab.fabric.SetDown("s-" + n.Name)) }

// PlugSpare ends UnplugSpare.
func (n *Node) PlugSpare() { n.lab.T.Helper(); n.lab.ok(n.lab.fabric.SetUp("s-" + n.Name)) }

// PowerOff ends the host as a power cut does: nothing is sent any more, every process is gone.
func (n *Node) PowerOff() {
	n.lab.T.Helper()
	n.Cut()
	n.KillAll()
}

// PowerOn ends PowerOff. Like a host that starts again it has its own addresses and no others, and nothing in /run.
func (n *Node) PowerOn() {
	n.lab.T.Helper()
	if n.daemon != nil {
		n.daemon.Dir = n.lab.T.TempDir()
	}
	for _, p := range n.Foreign() {
		n.lab.ok(n.NS.DelAddr("eth0", p.String()))
	}
	n.Heal()
}

func (l *Lab) setPortState(port string, state byte) error {
	index, err := l.fabric.Index(port)
	if err != nil {
		return err
	}
	msg := make([]byte, 16)
	msg[0] = unix.AF_BRIDGE
	binary.NativeEndian.PutUint32(msg[4:], uint32(index))
	return l.request(unix.RTM_SETLINK, msg, func(ae *netlink.AttributeEncoder) {
		ae.Nested(unix.IFLA_PROTINFO, func(ae *netlink.AttributeEncoder) error {
			ae.Uint8(portState, state)
			return nil
		})
	})
}

func (l *Lab) setSnooping(on bool) error {
	index, err := l.fabric.Index(bridge)
	if err != nil {
		return err
	}
	msg := make([]byte, 16)
	binary.NativeEndian.PutUint32(msg[4:], uint32(index))
	return l.request(unix.RTM_NEWLINK, msg, func(ae *netlink.AttributeEncoder) {
		ae.Nested(unix.IFLA_LINKINFO, func(ae *netlink.AttributeEncoder) error {
			ae.String(unix.IFLA_INFO_KIND, "bridge")
			ae.Nested(unix.IFLA_INFO_DATA, func(ae *netlink.AttributeEncoder) error {
				ae.Uint8(brMcastSnooping, map[bool]byte{true: 1}[on])
				return nil
			})
			return nil
		})
	})
}

func (l *Lab) request(typ netlink.HeaderType, msg []byte, fill func(*netlink.AttributeEncoder)) error {
	ae := netlink.NewAttributeEncoder()
	fill(ae)
	attrs, err := ae.Encode()
	if err != nil {
		return err
	}
	return l.fabric.Do(func() error {
		conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Execute(netlink.Message{
			Header: netlink.Header{Type: typ, Flags: netlink.Request | netlink.Acknowledge},
			Data:   append(msg, attrs...),
		})
		return err
	})
}
