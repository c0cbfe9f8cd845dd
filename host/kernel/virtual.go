package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// Settings of IPv4 on an interface, as netlink numbers them (IPV4_DEVCONF_* in linux/ip.h).
const (
	confRPFilter    = 8
	confARPAnnounce = 18
	confARPIgnore   = 19
	confPromote     = 20
	confAcceptLocal = 23
)

// What of the kernel's netlink x/sys does not name.
const (
	inetConf        = 1 // IFLA_INET_CONF
	inet6GenMode    = 8 // IFLA_INET6_ADDR_GEN_MODE
	genModeNone     = 1 // IN6_ADDR_GEN_MODE_NONE
	ipvlanMode      = 1 // IFLA_IPVLAN_MODE
	ipvlanFlags     = 2 // IFLA_IPVLAN_FLAGS
	macvlanMode     = 1 // IFLA_MACVLAN_MODE
	maxAlias        = 256
	ipvlanModeL2    = 0
	ipvlanModeShift = 16 // in host.Link.Mode; L2 adds nothing
)

// What an interface with a macvlan on it needs for IPv4: it must not answer for addresses of the macvlan (arp_ignore), nor ask in their
// name (arp_announce). Either would tell the network the wrong hardware address.
const (
	baseIgnore   = 1
	baseAnnounce = 2
)

// arpConf are the settings of a base that are changed while macvlans stand on it.
type arpConf struct{ ignore, announce uint32 }

// alias is what is written into every macvlan: our mark, and what the settings of its base were. It outlives us. Base is the number of the latter,
// if that is not what the kernel says that the macvlan stands on: on a macvlan it says what that one stands on.
func (c arpConf) alias(base int) string {
	s := fmt.Sprintf("%s arp_ignore=%d arp_announce=%d", host.LinkMark, c.ignore, c.announce)
	if base != 0 {
		s += fmt.Sprintf(" base=%d", base)
	}
	return s
}

func parseAlias(s string) (c arpConf, base int, ok bool) {
	n, _ := fmt.Sscanf(s, host.LinkMark+" arp_ignore=%d arp_announce=%d base=%d", &c.ignore, &c.announce, &base)
	return c, base, n >= 2 && c.alias(base) == s && c.ignore <= 8 && c.announce <= 2 && base >= 0
}

// baseOf is the interface that a macvlan of ours was put on.
func baseOf(l *host.Link) int {
	if _, base, ok := parseAlias(l.Alias); ok && base != 0 {
		return base
	}
	return l.Base
}

// linkInfo is what a link is asked for here.
type linkInfo struct {
	index  int
	name   string
	group  uint32
	base   int // what the kernel says that it stands on
	master int
	alias  string
	arp    arpConf
}

// linkInfo reads one link: by number, or by name where that is 0.
func (q *requests) linkInfo(index int, name string) (info linkInfo, err error) {
	body := make([]byte, ifInfoLen)
	native.PutUint32(body[4:], uint32(index))
	if index == 0 {
		body = appendAttr(body, unix.IFLA_IFNAME, append([]byte(name), 0))
	}
	body = appendAttr32(body, unix.IFLA_EXT_MASK, extMaskSkipStats)
	_, err = q.ask(unix.RTM_GETLINK, 0, body, func(m message) {
		if m.typ == unix.RTM_NEWLINK && len(m.body) >= ifInfoLen {
			info = decodeInfo(m.body)
		}
	})
	if err == nil && info.index == 0 {
		err = unix.ENODEV
	}
	return info, err
}

// unusual is base, if the kernel says that the link stands on another one; otherwise 0.
func (i *linkInfo) unusual(base int) int {
	if i.base == base {
		return 0
	}
	return base
}

func decodeInfo(b []byte) linkInfo {
	info := linkInfo{index: int(int32(native.Uint32(b[4:])))}
	for a := (attrs{b: b[ifInfoLen:]}); a.next(); {
		switch a.typ {
		case unix.IFLA_IFNAME:
			info.name = text(a.val)
		case unix.IFLA_LINK:
			info.base = int(int32(u32(a.val)))
		case unix.IFLA_GROUP:
			info.group = u32(a.val)
		case unix.IFLA_MASTER:
			info.master = int(int32(u32(a.val)))
		case unix.IFLA_IFALIAS:
			info.alias = text(a.val)
		case unix.IFLA_AF_SPEC:
			info.arp = decodeARP(a.val)
		}
	}
	return info
}

// decodeARP finds the settings in the array that IFLA_INET_CONF is when it is read.
func decodeARP(spec []byte) (c arpConf) {
	for f := (attrs{b: spec}); f.next(); {
		if f.typ != unix.AF_INET {
			continue
		}
		for a := (attrs{b: f.val}); a.next(); {
			if a.typ == inetConf && len(a.val) >= 4*confARPIgnore {
				c.ignore = native.Uint32(a.val[4*(confARPIgnore-1):])
				c.announce = native.Uint32(a.val[4*(confARPAnnounce-1):])
			}
		}
	}
	return c
}

// applyLink carries out an operation on a virtual link. It is several requests, one after another.
func (q *requests) applyLink(op *host.Op) host.OpResult {
	o := op.Link
	var err error
	var trouble string
	switch o.Do {
	case host.LinkMake:
		trouble, err = q.makeLink(o)
	case host.LinkShape:
		trouble, err = q.shapeLink(op.Index, o)
	case host.LinkUp:
		err = q.changeLink(op.Index, unix.IFF_UP, nil)
	case host.LinkDown:
		err = q.changeLink(op.Index, 0, nil)
	case host.LinkDrop:
		return q.dropLinks([]host.Op{*op}, nil)[0]
	}
	return linkResult(trouble, err)
}

func linkResult(trouble string, err error) host.OpResult {
	switch {
	case err == nil:
		return host.OpResult{Text: trouble}
	case errors.Is(err, unix.ENODEV):
		return host.OpResult{Outcome: host.NoLink}
	case errors.Is(err, errNoAnswer):
		return host.OpResult{Outcome: host.Unknown, Text: err.Error()}
	}
	return host.OpResult{Outcome: host.Refused, Text: err.Error()}
}

// step says what failed.
func step(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// makeLink creates a virtual link, which is down then, and gives it its settings. One that could not be given them is deleted.
func (q *requests) makeLink(o *host.LinkOp) (trouble string, err error) {
	base, err := q.linkInfo(o.Base, "")
	if err != nil {
		return "", err
	}
	was := q.before(o, &base)
	b := make([]byte, ifInfoLen)
	b = appendAttr(b, unix.IFLA_IFNAME, append([]byte(o.Want.Name), 0))
	b = appendAttr32(b, unix.IFLA_LINK, uint32(o.Base))
	if o.Want.Kind == host.Macvlan {
		b = appendAttr(b, unix.IFLA_ADDRESS, o.Want.MAC[:])
	}
	b = appendKind(b, &o.Want)
	if err := q.do(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, b); err != nil {
		return "", step("creating "+o.Want.Name+" on "+o.Want.Base, err)
	}
	made, err := q.linkInfo(0, o.Want.Name)
	if err == nil {
		err = q.changeLink(made.index, 0, appendAttr(nil, unix.IFLA_IFALIAS, append([]byte(was.alias(made.unusual(o.Base))), 0)))
	}
	if err == nil {
		trouble, err = q.shapeLink(made.index, o)
	}
	if err != nil && made.index != 0 {
		_ = q.deleteLink(made.index)
	}
	return trouble, err
}

// before is what the base's settings were before there was any link of ours on it.
func (q *requests) before(o *host.LinkOp, base *linkInfo) arpConf {
	if c, ok := q.found[o.Base]; ok {
		return c
	}
	c := base.arp
	if o.Sibling != 0 {
		if info, err := q.linkInfo(o.Sibling, ""); err == nil {
			if was, _, ok := parseAlias(info.alias); ok {
				c = was
			}
		}
	}
	if q.found == nil {
		q.found = map[int]arpConf{}
	}
	q.found[o.Base] = c
	return c
}

// shapeLink gives a virtual link its settings. Nothing of them is about any other interface but its base, and nothing host-wide.
func (q *requests) shapeLink(index int, o *host.LinkOp) (trouble string, err error) {
	v := &o.Want
	base, err := q.linkInfo(o.Base, "")
	if err != nil {
		return "", err
	}
	me, err := q.linkInfo(index, "")
	if err != nil {
		return "", err
	}
	group := base.group
	if v.OwnGroup {
		group = v.Group
	}
	b := appendAttr32(nil, unix.IFLA_GROUP, group)
	if me.master != o.Master {
		b = appendAttr32(b, unix.IFLA_MASTER, uint32(o.Master))
	}
	if v.Kind == host.Macvlan {
		b = appendAttr(b, unix.IFLA_ADDRESS, v.MAC[:])
	}
	if err := q.changeLink(index, keepFlags, appendKind(b, v)); err != nil {
		return "", step("settings of "+v.Name, err)
	}
	if err := q.shape4(index, v); err != nil {
		return "", step("IPv4 settings of "+v.Name, err)
	}
	if err := q.quiet6(index); err != nil {
		return "", step("IPv6 settings of "+v.Name, err)
	}
	if v.Kind == host.Macvlan && v.For&host.IPv4 != 0 {
		if err := q.shapeBase(o.Base, base.arp); err != nil {
			return "", step("ARP settings of "+v.Base, err)
		}
	}
	if err := sysctls6(me.name, v); err != nil {
		trouble = err.Error()
	}
	return trouble, nil
}

// shape4 sets IPv4 on the link alone. rp_filter 2 and not 0, because the kernel takes the larger of this and that of "all": with 1 there it
// would drop what comes to the virtual address and goes back through the base.
func (q *requests) shape4(index int, v *host.VirtualLink) error {
	if v.For&host.IPv4 == 0 {
		return q.conf4(index, confARPIgnore, 1)
	}
	return q.conf4(index, confARPIgnore, 1, confARPAnnounce, 2, confAcceptLocal, 1, confRPFilter, 2, confPromote, 1)
}

// shapeBase sees to it that the base speaks for its own addresses only. What is stricter already stays.
func (q *requests) shapeBase(base int, now arpConf) error {
	var set []uint32
	if now.ignore < baseIgnore {
		set = append(set, confARPIgnore, baseIgnore)
	}
	if now.announce < baseAnnounce {
		set = append(set, confARPAnnounce, baseAnnounce)
	}
	return q.conf4(base, set...)
}

// conf4 sets IPv4 settings of one interface, given as pairs of number and value.
func (q *requests) conf4(index int, pairs ...uint32) error {
	if len(pairs) == 0 {
		return nil
	}
	var conf []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		conf = appendAttr32(conf, uint16(pairs[i]), pairs[i+1])
	}
	spec := appendAttr(nil, unix.AF_INET, appendAttr(nil, inetConf, conf))
	return q.changeLink(index, keepFlags, appendAttr(nil, unix.IFLA_AF_SPEC, spec))
}

// quiet6 keeps the kernel from giving the link a link-local address of its own making (RFC 9568 section 7.4). A kernel without IPv6 does
// not.
func (q *requests) quiet6(index int) error {
	spec := appendAttr(nil, unix.AF_INET6, appendAttr(nil, inet6GenMode, []byte{genModeNone}))
	err := q.changeLink(index, keepFlags, appendAttr(nil, unix.IFLA_AF_SPEC, spec))
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// sysctls6 sets what netlink cannot: no addresses from routers, and no IPv6 at all where there is nothing for it to do.
func sysctls6(link string, v *host.VirtualLink) error {
	if strings.ContainsAny(link, "/\x00") {
		return nil // not a name that the kernel would have let anybody give
	}
	off := "0"
	if v.For&host.IPv6 == 0 {
		off = "1"
	}
	var errs []error
	for _, s := range [...][2]string{{"accept_ra", "0"}, {"autoconf", "0"}, {"disable_ipv6", off}} {
		err := setSysctl("net/ipv6/conf/"+link+"/"+s[0], s[1])
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without IPv6
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// setSysctl writes a setting that exists. Making a file is nothing that this process may ask for.
func setSysctl(name, value string) error {
	f, err := os.OpenFile("/proc/sys/"+name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// keepFlags has changeLink leave IFF_UP as it is.
const keepFlags = ^uint32(0)

// changeLink sets IFF_UP as given, and the attributes.
func (q *requests) changeLink(index int, up uint32, attributes []byte) error {
	body := make([]byte, ifInfoLen)
	native.PutUint32(body[4:], uint32(index))
	if up != keepFlags && attributes == nil {
		native.PutUint32(body[8:], up)
		native.PutUint32(body[12:], unix.IFF_UP)
	}
	return q.do(unix.RTM_NEWLINK, 0, append(body, attributes...))
}

// appendKind appends what the link is and how it works.
func appendKind(b []byte, v *host.VirtualLink) []byte {
	var data []byte
	if v.Kind == host.Macvlan {
		data = appendAttr32(nil, macvlanMode, v.Mode)
	} else {
		data = appendAttr(nil, ipvlanMode, native.AppendUint16(nil, ipvlanModeL2))
		data = appendAttr(data, ipvlanFlags, native.AppendUint16(nil, uint16(v.Mode)))
	}
	info := appendAttr(nil, unix.IFLA_INFO_KIND, []byte(v.Kind))
	return appendAttr(b, unix.IFLA_LINKINFO, appendAttr(info, unix.IFLA_INFO_DATA, data))
}

// do sends one request and waits for its acknowledgement.
func (q *requests) do(typ, flags uint16, body []byte) error {
	_, err := q.ask(typ, flags|unix.NLM_F_ACK, body, func(message) {})
	return err
}
