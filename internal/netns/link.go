package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Attribute numbers that x/sys does not name.
const (
	vethInfoPeer    = 1 // VETH_INFO_PEER
	macvlanMode     = 1 // IFLA_MACVLAN_MODE
	macvlanPrivate  = 1
	macvlanBridge   = 4
	vrfTable        = 1 // IFLA_VRF_TABLE
	ifInfoMsgLen    = 16
	ifAddrMsgLen    = 8
	ifaFlagNoDAD    = 0x02
	createExclusive = netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl
)

func dial() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, err
	}
	// The kernel's own words in errors; kernels before 4.12 do not know them.
	_ = conn.SetOption(netlink.ExtendedAcknowledge, true)
	return conn, nil
}

// AddVeth makes a pair of virtual Ethernet links, one end here and one in the other namespace. Both are down.
func (n *NS) AddVeth(name string, other *NS, otherName string) error {
	return n.newLink(name, "veth", func(ae *netlink.AttributeEncoder) {
		ae.Do(vethInfoPeer, func() ([]byte, error) {
			peer := netlink.NewAttributeEncoder()
			peer.String(unix.IFLA_IFNAME, otherName)
			peer.Uint32(unix.IFLA_NET_NS_FD, uint32(other.Fd()))
			b, err := peer.Encode()
			return append(make([]byte, ifInfoMsgLen), b...), err
		})
	})
}

// AddBridge makes a bridge without spanning tree; it is down.
func (n *NS) AddBridge(name string) error { return n.newLink(name, "bridge", nil) }

// AddMacvlan makes a macvlan on the link parent, in private mode as virtual-MAC instances use it. It is down.
func (n *NS) AddMacvlan(name, parent string) error {
	return n.addMacvlan(name, parent, macvlanPrivate)
}

// AddMacvlanBridge makes a macvlan whose siblings on the same parent can talk to each other. It is down.
func (n *NS) AddMacvlanBridge(name, parent string) error {
	return n.addMacvlan(name, parent, macvlanBridge)
}

func (n *NS) addMacvlan(name, parent string, mode uint32) error {
	index, err := n.Index(parent)
	if err != nil {
		return err
	}
	link := netlink.Attribute{Type: unix.IFLA_LINK, Data: u32(uint32(index))}
	return n.newLink(name, "macvlan", func(ae *netlink.AttributeEncoder) { ae.Uint32(macvlanMode, mode) }, link)
}

// AddVRF makes a VRF with a routing table; it is down.
func (n *NS) AddVRF(name string, table uint32) error {
	return n.newLink(name, "vrf", func(ae *netlink.AttributeEncoder) { ae.Uint32(vrfTable, table) })
}

// SetMaster makes port a port of bridge; an empty bridge releases it.
func (n *NS) SetMaster(port, bridge string) error {
	index := 0
	if bridge != "" {
		var err error
		if index, err = n.Index(bridge); err != nil {
			return err
		}
	}
	return n.setLink(port, 0, 0, netlink.Attribute{Type: unix.IFLA_MASTER, Data: u32(uint32(index))})
}

// MoveTo moves a link to another namespace.
func (n *NS) MoveTo(name string, other *NS) error {
	return n.setLink(name, 0, 0, netlink.Attribute{Type: unix.IFLA_NET_NS_FD, Data: u32(uint32(other.Fd()))})
}

// SetUp sets IFF_UP.
func (n *NS) SetUp(name string) error { return n.setLink(name, unix.IFF_UP, unix.IFF_UP) }

// SetDown clears IFF_UP.
func (n *NS) SetDown(name string) error { return n.setLink(name, 0, unix.IFF_UP) }

// SetFlags sets and clears flags of a link (IFF_UP, IFF_NOARP, IFF_MULTICAST, …): those in mask become as in flags.
func (n *NS) SetFlags(name string, flags, mask uint32) error { return n.setLink(name, flags, mask) }

// SetMAC gives the link another hardware address.
func (n *NS) SetMAC(name string, mac [6]byte) error {
	return n.setLink(name, 0, 0, netlink.Attribute{Type: unix.IFLA_ADDRESS, Data: mac[:]})
}

// SetMTU gives the link another MTU in octets.
func (n *NS) SetMTU(name string, mtu int) error {
	return n.setLink(name, 0, 0, netlink.Attribute{Type: unix.IFLA_MTU, Data: u32(uint32(mtu))})
}

// Rename gives the link another name. Kernels before 6.2 refuse while it is up.
func (n *NS) Rename(name, newName string) error {
	index, err := n.Index(name)
	if err != nil {
		return err
	}
	attrs := []netlink.Attribute{{Type: unix.IFLA_IFNAME, Data: append([]byte(newName), 0)}}
	return n.request(unix.RTM_NEWLINK, netlink.Request|netlink.Acknowledge, ifInfoMsg(index, 0, 0), attrs)
}

// Delete removes a link; both ends, if it is a veth.
func (n *NS) Delete(name string) error {
	attrs := []netlink.Attribute{{Type: unix.IFLA_IFNAME, Data: append([]byte(name), 0)}}
	return n.request(unix.RTM_DELLINK, netlink.Request|netlink.Acknowledge, ifInfoMsg(0, 0, 0), attrs)
}

// Index tells the number of a link.
func (n *NS) Index(name string) (int, error) {
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.IFLA_IFNAME, Data: append([]byte(name), 0)},
	})
	if err != nil {
		return 0, err
	}
	msgs, err := n.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request},
		Data:   append(ifInfoMsg(0, 0, 0), attrs...),
	})
	if err != nil {
		return 0, fmt.Errorf("link %s: %w", name, err)
	}
	if len(msgs) != 1 || len(msgs[0].Data) < ifInfoMsgLen {
		return 0, fmt.Errorf("link %s: the kernel's answer makes no sense", name)
	}
	return int(int32(binary.NativeEndian.Uint32(msgs[0].Data[4:]))), nil
}

// AddAddr adds an address, written as "10.0.0.1/24" or "fd00::1/64", to a link. IPv6 duplicate address detection
// is left out, so that the address can be used at once.
func (n *NS) AddAddr(name, prefix string) error {
	return n.addr(unix.RTM_NEWADDR, createExclusive, name, prefix, ifaFlagNoDAD)
}

// AddAddrDAD is AddAddr with duplicate address detection.
func (n *NS) AddAddrDAD(name, prefix string) error {
	return n.addr(unix.RTM_NEWADDR, createExclusive, name, prefix, 0)
}

// DelAddr deletes an address from a link.
func (n *NS) DelAddr(name, prefix string) error {
	return n.addr(unix.RTM_DELADDR, netlink.Request|netlink.Acknowledge, name, prefix, 0)
}

func (n *NS) addr(typ netlink.HeaderType, flags netlink.HeaderFlags, name, text string, ifaFlags byte) error {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return err
	}
	index, err := n.Index(name)
	if err != nil {
		return err
	}
	msg := make([]byte, ifAddrMsgLen)
	msg[0], msg[1] = unix.AF_INET, byte(prefix.Bits())
	if prefix.Addr().Is6() {
		msg[0], msg[2] = unix.AF_INET6, ifaFlags
	}
	binary.NativeEndian.PutUint32(msg[4:], uint32(index))
	ip := prefix.Addr().AsSlice()
	attrs := []netlink.Attribute{{Type: unix.IFA_LOCAL, Data: ip}, {Type: unix.IFA_ADDRESS, Data: ip}}
	if err := n.request(typ, flags, msg, attrs); err != nil {
		return fmt.Errorf("address %s on %s: %w", text, name, err)
	}
	return nil
}

func (n *NS) newLink(name, kind string, data func(*netlink.AttributeEncoder), more ...netlink.Attribute) error {
	info := netlink.NewAttributeEncoder()
	info.String(unix.IFLA_INFO_KIND, kind)
	if data != nil {
		info.Nested(unix.IFLA_INFO_DATA, func(ae *netlink.AttributeEncoder) error {
			data(ae)
			return nil
		})
	}
	b, err := info.Encode()
	if err != nil {
		return err
	}
	attrs := append([]netlink.Attribute{
		{Type: unix.IFLA_IFNAME, Data: append([]byte(name), 0)},
		{Type: unix.IFLA_LINKINFO | netlink.Nested, Data: b},
	}, more...)
	if err := n.request(unix.RTM_NEWLINK, createExclusive, ifInfoMsg(0, 0, 0), attrs); err != nil {
		return fmt.Errorf("new %s %s: %w", kind, name, err)
	}
	return nil
}

func (n *NS) setLink(name string, flags, mask uint32, attrs ...netlink.Attribute) error {
	attrs = append([]netlink.Attribute{{Type: unix.IFLA_IFNAME, Data: append([]byte(name), 0)}}, attrs...)
	err := n.request(unix.RTM_NEWLINK, netlink.Request|netlink.Acknowledge, ifInfoMsg(0, flags, mask), attrs)
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

func (n *NS) request(typ netlink.HeaderType, flags netlink.HeaderFlags, msg []byte, attrs []netlink.Attribute) error {
	b, err := netlink.MarshalAttributes(attrs)
	if err != nil {
		return err
	}
	_, err = n.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: typ, Flags: flags},
		Data:   append(msg, b...),
	})
	return err
}

// ifInfoMsg lays out struct ifinfomsg.
func ifInfoMsg(index int, flags, mask uint32) []byte {
	msg := make([]byte, ifInfoMsgLen)
	binary.NativeEndian.PutUint32(msg[4:], uint32(index))
	binary.NativeEndian.PutUint32(msg[8:], flags)
	binary.NativeEndian.PutUint32(msg[12:], mask)
	return msg
}

func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
