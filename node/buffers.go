package node

import (
	"holdfast.dev/config"
	"holdfast.dev/link"
	"holdfast.dev/vrrp"
)

// bufferSize says how many octets may wait to be received on a port over an interface of that MTU.
type bufferSize func(p *vrrp.Port, mtu int) int

// maxBuffer is the largest receive buffer that is asked for, in octets.
const maxBuffer = 1 << 30

// bufferSizes sizes the receive buffers of a configuration: as it says (vrrp_rx_bufs_policy, kernel_rx_buf_size), but never smaller than what
// four adverts of each virtual router need, because a port here serves all of an interface.
func bufferSizes(c *config.Config) bufferSize {
	g := c.Global.VRRP // not c, which would be kept
	own, advert := map[vrrp.PortID]uint64{}, map[vrrp.PortID]uint64{}
	for i := range c.Instances {
		in := &c.Instances[i]
		s := vrrp.Spec{Link: in.Interface, Source: in.Source, IPv6: in.Family == config.IPv6}
		through(&s, in)
		id := s.Port()
		own[id] = max(own[id], uint64(in.ReceiveBuffer))
		advert[id] = max(advert[id], advertSize(in))
	}
	return func(p *vrrp.Port, mtu int) int {
		size := uint64(link.RcvBufFor(p.Routers))
		switch g.ReceiveBufferPolicy {
		case config.RxBytes:
			size = max(size, uint64(g.ReceiveBufferSize))
		case config.RxMTU:
			size = max(size, uint64(max(mtu, 0))*uint64(g.ReceiveBufferFactor))
		case config.RxAdvert:
			size = max(size, advert[p.ID]*uint64(g.ReceiveBufferFactor))
		}
		return int(min(max(size, own[p.ID]), maxBuffer))
	}
}

// advertSize is the length of an instance's adverts with their IP header, in octets.
func advertSize(in *config.Instance) uint64 {
	const head4, head6, fixed, password = 20, 40, 8, 8
	if in.Family == config.IPv6 {
		return uint64(head6 + fixed + 16*len(in.Addresses))
	}
	return uint64(head4 + fixed + 4*len(in.Addresses) + password)
}
