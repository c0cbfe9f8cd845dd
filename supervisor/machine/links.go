package machine

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
)

// interfaces lists all network interfaces with their addresses, in two dumps however many there are.
func interfaces() map[string]config.Interface {
	names := make(map[int32]string)
	out := make(map[string]config.Interface)
	for _, m := range dump(unix.RTM_GETLINK, unix.RTM_NEWLINK) {
		if index, name, facts, ok := link(&m); ok {
			names[index], out[name] = name, facts
		}
	}
	for _, m := range dump(unix.RTM_GETADDR, unix.RTM_NEWADDR) {
		index, prefix, ok := address(&m)
		name, known := names[index]
		if ok && known {
			facts := out[name]
			facts.Addrs = append(facts.Addrs, prefix)
			out[name] = facts
		}
	}
	return out
}

// dump asks the kernel for all objects of a kind. What could not be read is as if it were not there.
func dump(ask int, kind uint16) []syscall.NetlinkMessage {
	data, err := syscall.NetlinkRIB(ask, unix.AF_UNSPEC)
	if err != nil {
		return nil
	}
	all, err := syscall.ParseNetlinkMessage(data)
	if err != nil {
		return nil
	}
	kept := all[:0]
	for _, m := range all {
		if m.Header.Type == kind {
			kept = append(kept, m)
		}
	}
	return kept
}

func link(m *syscall.NetlinkMessage) (index int32, name string, facts config.Interface, ok bool) {
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil || len(m.Data) < unix.SizeofIfInfomsg {
		return 0, "", facts, false
	}
	info := (*unix.IfInfomsg)(unsafe.Pointer(&m.Data[0]))
	facts.Loopback = info.Flags&unix.IFF_LOOPBACK != 0
	facts.Multicast = info.Flags&unix.IFF_MULTICAST != 0
	facts.Ethernet = info.Type == unix.ARPHRD_ETHER
	for _, a := range attrs {
		switch {
		case a.Attr.Type == unix.IFLA_IFNAME:
			name = unix.ByteSliceToString(a.Value)
		case a.Attr.Type == unix.IFLA_MTU && len(a.Value) >= 4:
			facts.MTU = int(*(*uint32)(unsafe.Pointer(&a.Value[0])))
		}
	}
	return info.Index, name, facts, name != ""
}

func address(m *syscall.NetlinkMessage) (index int32, p netip.Prefix, ok bool) {
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil || len(m.Data) < unix.SizeofIfAddrmsg {
		return 0, p, false
	}
	info := (*unix.IfAddrmsg)(unsafe.Pointer(&m.Data[0]))
	var addr netip.Addr
	for _, a := range attrs {
		// IFA_LOCAL is the address of ours where there is a peer; IPv6 has it only then.
		if a.Attr.Type == unix.IFA_LOCAL || a.Attr.Type == unix.IFA_ADDRESS && !addr.IsValid() {
			if v, valid := netip.AddrFromSlice(a.Value); valid {
				addr = v
			}
		}
	}
	if !addr.IsValid() {
		return 0, p, false
	}
	return int32(info.Index), netip.PrefixFrom(addr, int(info.Prefixlen)), true
}
