package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
	"holdfast.dev/config/schema"
)

func port(s string) bool {
	n, ok := portNumber(s)
	return ok && n <= 65535
}

func portNumber(s string) (n int, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' || n > 65535 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

// serviceMark reads the number of "fwmark N".
func (b *builder) serviceMark(d *serviceDraft, v schema.Value) (ok bool) {
	n, what := lex.Uint(v.Text, 10, 0, 1<<32-1, b.env.Test)
	if !what.OK() {
		b.errorf(v.Pos, "", "Invalid fwmark value %s for virtual server - skipping", v.Text)
		return false
	}
	d.Mark = uint32(n)
	d.label = "FWM " + v.Text
	return true
}

// serviceGroup reads a virtual_server_group block.
func (b *builder) serviceGroup(n *schema.Node) {
	g := &ServiceGroup{Pos: at(n.Pos), Name: n.Name()}
	for i := range n.Body {
		if e, ok := b.serviceEntry(g.Name, &n.Body[i]); ok {
			g.Entries = append(g.Entries, e)
		}
	}
	if len(g.Entries) == 0 {
		b.errorf(n.Pos, "", "virtual server group %s has no entries - removing", g.Name)
		return
	}
	if b.serviceGroups[g.Name] != nil {
		b.notef(n.Pos, "", "virtual_server_group %s is there already - ignoring", g.Name)
		return
	}
	b.serviceGroups[g.Name] = g
	b.groupOrder = append(b.groupOrder, g)
}

// serviceEntry reads one line of a group; its first word has been checked.
func (b *builder) serviceEntry(group string, n *schema.Node) (e ServiceEntry, ok bool) {
	what, ok := n.Arg(0)
	if !ok {
		return e, false
	}
	e.Pos = at(n.Pos)
	if what.Text == "fwmark" {
		return e, b.markEntry(&e, group, n)
	}
	if len(n.Args) > 1 {
		number := n.Args[1]
		port, what := lex.Uint(number.Text, 10, 0, 65535, b.env.Test)
		if !what.OK() {
			b.say(number.Pos, diag.Error, diag.InvalidNumber, "",
				fmt.Sprintf("Invalid virtual server group IP address %s /port/%s - skipping", n.Name(), number.Text), "a port is a number from 1 to 65535")
			return e, false
		}
		e.Port = uint16(port)
	}
	if len(n.Args) > 2 {
		b.notef(n.Args[2].Pos, "", "'%s' after an address has no effect", n.Args[2].Text)
	}
	e.First, e.Last = serviceRange(what.Text)
	return e, e.First.IsValid()
}

// markEntry reads "fwmark N [inet|inet6]".
func (b *builder) markEntry(e *ServiceEntry, group string, n *schema.Node) (ok bool) {
	if len(n.Args) < 2 {
		b.say(n.Pos, diag.Fatal, diag.MissingParameter, "",
			"*** Configuration line starting `fwmark` is missing a parameter after keyword `fwmark` at word position 2", "write it as: fwmark N [inet|inet6]")
		return false
	}
	mark := n.Args[1]
	number, what := lex.Uint(mark.Text, 10, 0, 1<<32-1, b.env.Test)
	if !what.OK() {
		b.say(mark.Pos, diag.Error, diag.InvalidNumber, "", fmt.Sprintf("(%s): fwmark '%s' must be in [0, 4294967295] - ignoring", group, mark.Text), "")
		return false
	}
	e.HasMark, e.Mark = true, uint32(number)
	if len(n.Args) < 3 {
		return true
	}
	switch family := n.Args[2]; family.Text {
	case "inet":
		e.Family = IPv4
	case "inet6":
		e.Family = IPv6
	default:
		b.say(family.Pos, diag.Error, diag.GeneralError, "",
			fmt.Sprintf("(%s): fwmark '%s' family %s unknown - ignoring", group, mark.Text, family.Text), "one of inet, inet6")
		return false
	}
	return true
}

// serviceRange is the first and last address of "ADDR", "ADDR/LEN", or "ADDR-END".
func serviceRange(text string) (from, to netip.Addr) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Addr(), lastOf(p)
	}
	text, end, both := strings.Cut(text, "-")
	from, err := netip.ParseAddr(text)
	if err != nil || !both {
		return from, from
	}
	if to, err = netip.ParseAddr(end); err == nil {
		return from, to
	}
	bytes := from.AsSlice()
	if from.Is4() {
		n, _ := strconv.ParseUint(end, 10, 8)
		bytes[3] = byte(n)
	} else {
		n, _ := strconv.ParseUint(end, 16, 16)
		bytes[14], bytes[15] = byte(n>>8), byte(n)
	}
	to, _ = netip.AddrFromSlice(bytes)
	return from, to
}

// lastOf is the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

// serverKey is what makes two real servers the same.
type serverKey struct {
	addr netip.Addr
	port uint16
}

// realServers reads the real servers of a service.
func (b *builder) realServers(d *serviceDraft) {
	count := 0
	for i := range d.n.Body {
		if d.n.Body[i].Key.Name == "real_server" {
			count++
		}
	}
	seen := make(set[serverKey], count)
	d.Servers = make([]RealServer, 0, count)
	for i := range d.n.Body {
		k := &d.n.Body[i]
		if k.Key.Name != "real_server" || !k.Args[0].OK || len(k.Args) > 1 && !k.Args[1].OK {
			continue
		}
		v := k.Args[0]
		uses := b.checkUses
		rs := b.realServer(d, k)
		if d.Addr.IsValid() && d.Addr.Is4() != v.Addr.Is4() && rs.Method.Method != TUN {
			b.errorf(k.Pos, "", "Address family of virtual server and real server %s don't match - skipping real server.", v.Text)
			b.checkUses = uses
			continue
		}
		if !seen.add(serverKey{rs.Addr, rs.Port}) {
			b.errorf(k.Pos, "", "VS %s: real server [%s] is duplicated - removing second rs", d.label, v.Text)
			b.checkUses = uses
			continue
		}
		b.serverPort(d, &rs, k)
		d.Servers = append(d.Servers, rs)
	}
}

// realServer reads one real_server block.
func (b *builder) realServer(d *serviceDraft, n *schema.Node) RealServer {
	rs := RealServer{Pos: at(n.Pos), Addr: n.Args[0].Addr, Weight: d.weight, Inhibit: d.inhibit, VirtualHost: d.VirtualHost}
	if p, ok := n.Arg(1); ok {
		rs.Port = uint16(p.Int)
	}
	var (
		pass   checkDefaults
		method opt[Forwarding]
		alert  opt[bool]
	)
	for i := range n.Body {
		k := &n.Body[i]
		if pass.read(k) {
			continue
		}
		switch k.Key.Name {
		case "weight":
			setInt(&rs.Weight, k)
		case "lvs_method":
			b.forwarding(&method, k)
		case "uthreshold":
			setInt(&rs.Upper, k)
		case "lthreshold":
			setInt(&rs.Lower, k)
		case "inhibit_on_failure":
			setFlag(&rs.Inhibit, k)
		case "notify_up":
			b.otherScript(&rs.NotifyUp, k, &b.checkUses)
		case "notify_down":
			b.otherScript(&rs.NotifyDown, k, &b.checkUses)
		case "smtp_alert":
			putFlag(&alert, k)
		case "virtualhost":
			setText(&rs.VirtualHost, k)
		case "snmp_name":
			setText(&rs.SNMPName, k)
		}
	}
	rs.Method = method.or(d.method.or(Forwarding{Method: NAT}))
	rs.SMTPAlert = alert.or(b.cfg.Global.Mail.Real)
	pass = pass.over(&d.pass)
	rs.Alpha = pass.alpha.or(false)
	if rs.Port == 0 && d.Addr.IsValid() {
		rs.Port = d.Port
	}
	b.checkers(&rs, n, &pass)
	return rs
}

// serverPort is the part of rule T13 about the ports of DR and TUN.
func (b *builder) serverPort(d *serviceDraft, rs *RealServer, n *schema.Node) {
	if rs.Method.Method == NAT {
		return
	}
	switch {
	case d.HasMark && rs.Port != 0:
		b.errorf(n.Pos, "", "WARNING - fwmark virtual server %s, real server [%s]:%d has port specified - clearing", d.label, rs.Addr, rs.Port)
		rs.Port = 0
	case d.Addr.IsValid() && rs.Port != d.Port:
		b.errorf(n.Pos, "", "WARNING - virtual server %s and real server [%s]:%d ports don't match - resetting", d.label, rs.Addr, rs.Port)
		rs.Port = d.Port
	case d.Group != "" && rs.Port != 0 && b.serviceGroups[d.Group].hasMark():
		b.errorf(n.Pos, "", "WARNING - fwmark virtual server [%s], real server [%s]:%d has port specified - port will be ignored", d.Group, rs.Addr, rs.Port)
	}
}

func (g *ServiceGroup) hasMark() bool {
	return slices.ContainsFunc(g.Entries, func(e ServiceEntry) bool { return e.HasMark })
}

func (g *ServiceGroup) onlyMarks() bool {
	return !slices.ContainsFunc(g.Entries, func(e ServiceEntry) bool { return !e.HasMark })
}

// hasZeroPort reports whether an address of the group is for all ports.
func (g *ServiceGroup) hasZeroPort() bool {
	return slices.ContainsFunc(g.Entries, func(e ServiceEntry) bool { return !e.HasMark && e.Port == 0 })
}
