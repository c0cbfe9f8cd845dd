package config

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/config/schema"
)

const (
	defaultHelo  = "smtpchecker.keepalived.org"
	maxReply     = 255
	defaultQuery = "SOA"
)

// checkKinds are the keywords that make checkers, with the retries and the delay before a retry of the kind.
var checkKinds = map[string]struct {
	kind  CheckKind
	retry uint32
	delay time.Duration // 0 is delay_loop
}{
	"TCP_CHECK": {CheckTCP, 1, time.Second}, "UDP_CHECK": {CheckUDP, 1, time.Second}, "PING_CHECK": {CheckPing, 1, time.Second},
	"SMTP_CHECK": {CheckSMTP, 1, time.Second}, "HTTP_GET": {CheckHTTP, 1, 3 * time.Second}, "SSL_GET": {CheckSSL, 1, 3 * time.Second},
	"DNS_CHECK": {CheckDNS, 3, 0}, "MISC_CHECK": {CheckMisc, 0, 0}, "FILE_CHECK": {CheckFile, 0, 0}, "BFD_CHECK": {CheckBFD, 0, 0},
}

// checkers reads the checkers of a real server.
func (b *builder) checkers(rs *RealServer, n *schema.Node, outer *checkDefaults) {
	for i := range n.Body {
		k := &n.Body[i]
		kind, ok := checkKinds[k.Key.Name]
		if !ok {
			continue
		}
		var own checkDefaults
		for j := range k.Body {
			own.read(&k.Body[j])
		}
		pass := own.over(outer)
		c := Checker{
			Pos: at(k.Pos), Kind: kind.kind, Alpha: pass.alpha.or(false), LogAll: pass.logAll.or(b.cfg.Global.LVS.LogAll),
			Retry: pass.retry.or(kind.retry), Delay: pass.delay.v, Timeout: pass.timeout.v, Addr: rs.Addr, Port: rs.Port,
		}
		c.Warmup, c.RetryDelay = pass.warmup.or(c.Delay), pass.retryDelay.or(kind.delay)
		if c.RetryDelay == 0 && !pass.retryDelay.set {
			c.RetryDelay = c.Delay
		}
		b.connection(&c, k)
		if !b.checkDetail(&c, k, rs) {
			continue
		}
		rs.Checkers = append(rs.Checkers, c)
	}
}

// connection reads where a check goes and comes from.
func (b *builder) connection(c *Checker, n *schema.Node) {
	bind := func() *Bind {
		if c.Bind == nil {
			c.Bind = new(Bind)
		}
		return c.Bind
	}
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "host": // deprecated; as in 2.4.3 what stands in it belongs to the checker (rule S15)
			b.connection(c, k)
		case "connect_ip":
			setAddr(&c.Addr, k)
		case "connect_port":
			setInt(&c.Port, k)
		case "bindto":
			setAddr(&bind().Addr, k)
		case "bind_port":
			setInt(&bind().Port, k)
		case "bind_if":
			setText(&bind().Interface, k)
		case "fwmark":
			setInt(&bind().Mark, k)
		}
	}
	if c.Bind != nil && c.Bind.Addr.IsValid() && c.Bind.Addr.Is4() != c.Addr.Is4() {
		b.errorf(n.Pos, "", "bindto address %s does not match address family of connect_ip - skipping", c.Bind.Addr)
		if *c.Bind = (Bind{Interface: c.Bind.Interface, Mark: c.Bind.Mark}); *c.Bind == (Bind{}) {
			c.Bind = nil
		}
	}
}

// checkDetail reads what only one kind of checker has; ok is false for a checker that is left out.
func (b *builder) checkDetail(c *Checker, n *schema.Node, rs *RealServer) (ok bool) {
	switch c.Kind {
	case CheckHTTP, CheckSSL:
		return b.httpCheck(c, n, rs)
	case CheckSMTP:
		c.SMTP = &SMTPCheck{Helo: defaultHelo}
		if k := last(n.Body, "helo_name"); k != nil {
			setText(&c.SMTP.Helo, k)
		}
	case CheckDNS:
		c.DNS = &DNSCheck{Type: defaultQuery}
		if k := last(n.Body, "type"); k != nil && k.Args[0].OK {
			c.DNS.Type = k.Args[0].Arg.Choices[k.Args[0].Int]
		}
		if k := find(n.Body, "name"); k != nil {
			setText(&c.DNS.Name, k)
		}
	case CheckUDP:
		b.udpCheck(c, n)
	case CheckMisc:
		return b.miscCheck(c, n)
	case CheckFile:
		return b.fileCheck(c, n)
	case CheckBFD:
		return b.bfdCheck(c, n)
	}
	return true
}

func (b *builder) udpCheck(c *Checker, n *schema.Node) {
	c.UDP = &UDPCheck{MaxLength: maxReply}
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "payload":
			c.UDP.Payload, _ = hexMask(strings.Join(texts(k.Args), ""))
		case "require_reply":
			c.UDP.Need = true
			c.UDP.Reply, c.UDP.ReplyMask = hexMask(strings.Join(texts(k.Args), ""))
		case "min_reply_length":
			setInt(&c.UDP.MinLength, k)
		case "max_reply_length":
			setInt(&c.UDP.MaxLength, k)
		}
	}
	if c.UDP.MinLength > c.UDP.MaxLength {
		b.errorf(n.Pos, "", "UDP_CHECK min_reply length %d > max_reply_length %d - will always fail", c.UDP.MinLength, c.UDP.MaxLength)
	}
}

// hexMask reads hexadecimal digits, x for one that does not matter; the mask has the bits that do.
func hexMask(text string) (value, mask []byte) {
	text = strings.Join(strings.Fields(text), "")
	digits := strings.Map(func(r rune) rune {
		if r == 'x' || r == 'X' {
			return '0'
		}
		return r
	}, text)
	matter := strings.Map(func(r rune) rune {
		if r == 'x' || r == 'X' {
			return '0'
		}
		return 'f'
	}, text)
	if len(digits)%2 == 1 {
		digits, matter = digits+"0", matter+"0"
	}
	value, err := hex.DecodeString(digits)
	if err != nil || len(value) == 0 {
		return nil, nil
	}
	mask, _ = hex.DecodeString(matter)
	return value, mask
}

// miscCheck reads MISC_CHECK; its script runs as the user that the block names.
func (b *builder) miscCheck(c *Checker, n *schema.Node) (ok bool) {
	path := last(n.Body, "misc_path")
	if path == nil {
		b.errorf(n.Pos, "", "MISC_CHECK has no misc_path - ignoring")
		return false
	}
	var cmd *Command
	if u := last(n.Body, "user"); u != nil {
		user, known := b.account(u.Args)
		if !known {
			b.errorf(u.Args[0].Pos, "", "Failed to set uid/gid for misc checker script '%s' - removing", path.Name())
			return false
		}
		b.program(&cmd, path, user, &b.checkUses)
	} else {
		b.otherScript(&cmd, path, &b.checkUses)
	}
	if cmd == nil {
		return false
	}
	c.Misc = &MiscCheck{Command: *cmd, Dynamic: last(n.Body, "misc_dynamic") != nil}
	c.Timeout = c.Delay
	if k := last(n.Body, "misc_timeout"); k != nil {
		if v, ok := k.Arg(0); ok && v.Int > 0 {
			c.Timeout = duration(v)
		}
	}
	return true
}

func (b *builder) fileCheck(c *Checker, n *schema.Node) (ok bool) {
	name, t, ok := b.checkTarget(n, "track_file", OfFile, "FILE_CHECK has no track_file specified - ignoring")
	if !ok {
		return false
	}
	c.File = &FileCheck{Name: name, Weight: int32(t.weight), Reverse: t.reverse}
	if k := last(n.Body, "weight"); k != nil {
		setInt(&c.File.Weight, k)
		c.File.Reverse = k.Has("reverse") || c.File.Reverse && !k.Has("noreverse")
	}
	return true
}

func (b *builder) bfdCheck(c *Checker, n *schema.Node) (ok bool) {
	c.BFD, _, ok = b.checkTarget(n, "name", OfBFD, "BFD_CHECK has no name specified - ignoring")
	return ok
}

// checkTarget finds what a checker names; it must stand earlier in the file.
func (b *builder) checkTarget(n *schema.Node, key string, kind TrackKind, missing string) (name string, t target, ok bool) {
	k := last(n.Body, key)
	if k == nil {
		b.errorf(n.Pos, "", "%s", missing)
		return "", target{}, false
	}
	t, ok = b.targets[targetName{kind, k.Name()}]
	if !ok {
		b.errorf(k.Pos, "", "%s %s not found", map[TrackKind]string{OfFile: "track_file", OfBFD: "bfd_instance"}[kind], k.Name())
	}
	return k.Name(), t, ok
}

// httpCheck reads HTTP_GET and SSL_GET.
func (b *builder) httpCheck(c *Checker, n *schema.Node, rs *RealServer) (ok bool) {
	h := &HTTPCheck{Version: "1.0"}
	host := rs.VirtualHost
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "virtualhost":
			setText(&host, k)
		case "http_protocol":
			if v, ok := k.Arg(0); ok {
				h.Version = strings.ToUpper(v.Text)
			}
		case "enable_sni":
			setFlag(&h.SNI, k)
		case "fast_recovery":
			setFlag(&h.FastRecovery, k)
		case "tls_compliant":
			setFlag(&h.TLSCompliant, k)
		}
	}
	for i := range n.Body {
		if k := &n.Body[i]; k.Key.Name == "url" {
			if u, ok := b.url(k, host, h.TLSCompliant); ok {
				h.URLs = append(h.URLs, u)
			}
		}
	}
	if len(h.URLs) == 0 {
		b.errorf(n.Pos, "", "HTTP/SSL_GET checker has no urls specified - ignoring")
		return false
	}
	c.HTTP = h
	return true
}

// url reads one url block; ok is false without a path.
func (b *builder) url(n *schema.Node, host string, compliant bool) (u URL, ok bool) {
	u = URL{Pos: at(n.Pos), Host: host, TLSCompliant: compliant}
	re := new(Regex)
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "path":
			setText(&u.Path, k)
		case "digest":
			setText(&u.Digest, k)
		case "virtualhost":
			setText(&u.Host, k)
		case "tls_compliant":
			setFlag(&u.TLSCompliant, k)
		case "status_code":
			for _, v := range k.Args {
				if v.OK {
					u.Status = append(u.Status, statusRange(v.Text))
				}
			}
		default:
			regexKey(re, k)
		}
	}
	if u.Path == "" {
		b.errorf(n.Pos, "", "HTTP/SSL_GET checker url has no path - ignoring")
		return u, false
	}
	if len(u.Status) == 0 {
		u.Status = []Range{{200, 299}}
	}
	if re.Pattern != "" {
		u.Regex = re
	}
	return u, true
}

func statusRange(text string) Range {
	lo, hi, both := strings.Cut(text, "-")
	if !both {
		hi = lo
	}
	a, _ := strconv.ParseUint(lo, 10, 16)
	z, _ := strconv.ParseUint(hi, 10, 16)
	return Range{uint32(a), uint32(z)}
}

func regexKey(re *Regex, k *schema.Node) {
	switch k.Key.Name {
	case "regex":
		if v, ok := k.Arg(0); ok {
			re.Pattern = strings.Join(v.Argv, " ")
		}
	case "regex_no_match":
		re.NoMatch = true
	case "regex_options":
		re.Options = append(re.Options, texts(k.Args)...)
	case "regex_min_offset":
		setInt(&re.MinOffset, k)
	case "regex_max_offset":
		if v, ok := k.Arg(0); ok && uint32(v.Int) >= re.MinOffset {
			re.MaxOffset = uint32(v.Int)
		}
	}
}
