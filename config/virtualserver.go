package config

import (
	"fmt"
	"net/netip"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// virtualServer checks what the lines of a virtual_server block mean to each other (rule T13). Its values stay in their
// generic form until the health checkers are built.
func (b *builder) virtualServer(n *schema.Node) (ok bool) {
	vs := "[" + n.Name() + "]"
	mark := n.Name() == "fwmark"
	addr, err := netip.ParseAddr(n.Name())
	named := mark || n.Name() == "group"
	switch {
	case named && len(n.Args) < 2:
		b.errorf(n.Pos, "", "virtual_server %s needs a number or name - skipping", n.Name())
		return false
	case !named && err != nil, !named && len(n.Args) > 1 && !port(n.Args[1].Text):
		b.errorf(n.Pos, "", "Invalid virtual server IP address/port %s - skipping", n.Name())
		return false
	case n.Name() == "group" && !b.defined.has("virtual_server_group "+n.Args[1].Text):
		b.notef(n.Pos, "", "Virtual server group %s is not configured - removing the virtual server", n.Args[1].Text)
		return false
	}
	b.schedulerFlags(n)
	if find(n.Body, "real_server") == nil {
		b.errorf(n.Pos, "", "Virtual server %s has no real servers - ignoring", vs)
		return false
	}
	b.serviceDefaults(n, vs, mark)
	if !named && len(n.Args) < 2 && last(n.Body, "persistence_timeout") == nil {
		b.errorf(n.Pos, "", "Virtual server %s: zero port only valid for persistent services - setting", vs)
	}
	b.realServers(n, vs, addr)
	return true
}

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

// serviceDefaults says which defaults are used; keepalived counts each as an error.
func (b *builder) serviceDefaults(n *schema.Node, vs string, mark bool) {
	protocol := last(n.Body, "protocol")
	switch {
	case mark && protocol != nil:
		b.errorf(protocol.Pos, "", "Warning: Virtual server FWM %s: protocol specified for fwmark - protocol will be ignored", n.Args[1].Text)
	case !mark && protocol == nil:
		b.errorf(n.Pos, "", "Virtual server %s: no protocol set - defaulting to UDP", vs)
	}
	if last(n.Body, "lvs_sched") == nil && last(n.Body, "lb_algo") == nil {
		b.errorf(n.Pos, "", "Virtual server %s: no scheduler set, setting default 'wlc'", vs)
	}
	if last(n.Body, "lvs_method") == nil && last(n.Body, "lb_kind") == nil && !b.allMethods(n) {
		b.errorf(n.Pos, "", "Virtual server %s: no forwarding method set, setting default NAT", vs)
	}
	if ops := last(n.Body, "ops"); ops != nil && protocol != nil && !strings.EqualFold(protocol.Name(), "UDP") {
		b.errorf(ops.Pos, "", "Virtual server %s: one packet scheduling requires UDP - resetting", vs)
	}
}

// allMethods reports whether every real server names its own forwarding method.
func (b *builder) allMethods(n *schema.Node) bool {
	for i := range n.Body {
		if n.Body[i].Key.Name == "real_server" && last(n.Body[i].Body, "lvs_method") == nil {
			return false
		}
	}
	return true
}

// schedulerFlags checks keywords that only count after the scheduler or sorry server that they are about.
func (b *builder) schedulerFlags(n *schema.Node) {
	scheduler, sorry := "", false
	for i := range n.Body {
		k := &n.Body[i]
		switch name := k.Key.Name; name {
		case "lvs_sched", "lb_algo":
			scheduler = k.Name()
		case "sorry_server":
			sorry = true
		case "sorry_server_inhibit", "sorry_server_lvs_method":
			if !sorry {
				b.errorf(k.Pos, "", "Ignoring %s used before or without sorry_server", name)
			}
		case "sh-port", "sh-fallback", "mh-port", "mh-fallback", "hashed":
			want := strings.TrimSuffix(strings.TrimSuffix(name, "-port"), "-fallback")
			if name == "hashed" {
				want = "sh"
			}
			if scheduler != want && !(name == "hashed" && scheduler == "mh") && !(want == "sh" && scheduler == "mh") {
				b.say(k.Pos, diag.Error, diag.GeneralError, "", fmt.Sprintf("%s only applies to %s scheduler - ignoring", name, want),
					"it must stand after the line that names the scheduler")
			}
		}
	}
}

// realServers checks the addresses of real servers.
func (b *builder) realServers(n *schema.Node, vs string, addr netip.Addr) {
	type endpoint struct {
		addr netip.Addr
		port string
	}
	seen := make(set[endpoint])
	for i := range n.Body {
		k := &n.Body[i]
		if k.Key.Name != "real_server" {
			continue
		}
		v := k.Args[0]
		if !v.OK {
			continue
		}
		if addr.IsValid() && addr.Is4() != v.Addr.Is4() && !b.tunnelled(n, k) {
			b.errorf(k.Pos, "", "Address family of virtual server and real server %s don't match - skipping real server.", v.Text)
			continue
		}
		e := endpoint{addr: v.Addr}
		if len(k.Args) > 1 {
			e.port = k.Args[1].Text
		}
		if !seen.add(e) {
			b.errorf(k.Pos, "", "VS %s: real server [%s] is duplicated - removing second rs", vs, v.Text)
		}
		b.checkers(k)
	}
}

func (b *builder) tunnelled(vs, rs *schema.Node) bool {
	for _, m := range []*schema.Node{last(rs.Body, "lvs_method"), last(vs.Body, "lvs_method"), last(vs.Body, "lb_kind")} {
		if m != nil {
			return m.Name() == "TUN"
		}
	}
	return false
}

// checkers checks what checkers need and refer to.
func (b *builder) checkers(rs *schema.Node) {
	for i := range rs.Body {
		k := &rs.Body[i]
		switch k.Key.Name {
		case "HTTP_GET", "SSL_GET":
			if find(k.Body, "url") == nil {
				b.errorf(k.Pos, "", "HTTP/SSL_GET checker has no urls specified - ignoring")
			}
		case "FILE_CHECK":
			b.reference(k, "track_file", "track_file", "FILE_CHECK has no track_file specified - ignoring")
		case "BFD_CHECK":
			b.reference(k, "name", "bfd_instance", "BFD_CHECK has no name specified - ignoring")
		case "MISC_CHECK":
			if last(k.Body, "misc_path") == nil {
				b.errorf(k.Pos, "", "MISC_CHECK has no misc_path - ignoring")
			}
		}
	}
}

// reference checks that a keyword in a checker names something that stands earlier in the file.
func (b *builder) reference(checker *schema.Node, key, kind, missing string) {
	k := last(checker.Body, key)
	switch {
	case k == nil:
		b.errorf(checker.Pos, "", "%s", missing)
	case !b.defined.has(kind + " " + k.Name()):
		b.errorf(k.Pos, "", "%s %s not found", kind, k.Name())
	}
}
