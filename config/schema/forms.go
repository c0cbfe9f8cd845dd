package schema

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"holdfast.dev/config/lex"
)

// Checkers for words of kind Form. Each returns what a word should be, or nothing when it is right.

func rxPolicy(w string) string {
	if strings.EqualFold(w, "MTU") || strings.EqualFold(w, "ADVERT") {
		return ""
	}
	if _, what := lex.Uint(w, 10, 0, maxUint32, true); what == lex.NumberOK {
		return ""
	}
	return "MTU, ADVERT or a number of bytes"
}

// umask takes a number of any base up to 0777, or names of permission bits joined by "|".
func umask(w string) string {
	if _, what := lex.Uint(w, 0, 0, 0o777, true); what == lex.NumberOK {
		return ""
	}
	for bit := range strings.SplitSeq(w, "|") {
		if bit != "" && !permission(bit) {
			return "a number up to 0777, or bits such as IWGRP|IWOTH"
		}
	}
	return ""
}

// permission reports whether w is IRUSR and the like, or IRWXU and the like.
func permission(w string) bool {
	if who, ok := strings.CutPrefix(w, "IRWX"); ok {
		return len(who) == 1 && strings.Contains("UGO", who)
	}
	if len(w) != 5 || w[0] != 'I' || !strings.Contains("RWX", w[1:2]) {
		return false
	}
	return w[2:] == "USR" || w[2:] == "GRP" || w[2:] == "OTH"
}

func includeCheck(w string) string {
	switch strings.TrimLeft(w, "+-") {
	case "read", "match", "wildcard_match", "brace_match":
		return ""
	}
	return "read, match, wildcard_match or brace_match, with + or - before it to modify"
}

func granularity(w string) string {
	if a, err := netip.ParseAddr(w); err == nil && a.Is4() {
		return ""
	}
	if _, what := lex.Uint(w, 10, 1, 128, true); what == lex.NumberOK {
		return ""
	}
	return "an IPv4 mask such as 255.255.255.0 or an IPv6 prefix length from 1 to 128"
}

func md5(w string) string {
	if len(w) == 32 && hexDigits(w, "") {
		return ""
	}
	return "exactly 32 hexadecimal digits"
}

func hexDigits(w, others string) bool {
	return strings.Trim(w, "0123456789abcdefABCDEF"+others) == ""
}

func hexBytes(w string) string {
	if strings.TrimSpace(w) != "" && hexDigits(w, " \t") {
		return ""
	}
	return "bytes as hexadecimal digits, in double quotes with blanks between them"
}

func hexMask(w string) string {
	if hexDigits(w, "xX \t") {
		return ""
	}
	return "bytes as hexadecimal digits, x for a digit that does not matter"
}

func statusCodes(w string) string {
	lo, hi, both := strings.Cut(w, "-")
	if !both {
		hi = lo
	}
	a, okA := lex.Uint(lo, 10, 100, 599, true)
	b, okB := lex.Uint(hi, 10, 100, 599, true)
	if okA == lex.NumberOK && okB == lex.NumberOK && a <= b {
		return ""
	}
	return "a status from 100 to 599, or a range such as 200-299"
}

func domain(w string) string {
	if w == "" || w == "." {
		return ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(w, "."), ".") {
		if label == "" || len(label) > 63 {
			return "labels of 1 to 63 characters joined by dots"
		}
	}
	return ""
}

// service takes an address, a range of addresses, a network, or the word fwmark.
func service(w string) string {
	if w == "fwmark" {
		return ""
	}
	const want = "an address, a range such as 10.0.0.7-9, a network such as 10.0.0.0/28, or fwmark"
	if text, bits, ok := strings.Cut(w, "/"); ok {
		p, err := netip.ParsePrefix(text + "/" + bits)
		if err != nil || p.Bits() == 0 || p != p.Masked() {
			return want
		}
		return ""
	}
	text, end, isRange := strings.Cut(w, "-")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return want
	}
	if isRange {
		return rangeEnd(a, end)
	}
	return ""
}

// rangeEnd checks the last address of a range: in full, or only its last octet (decimal) or group (hexadecimal).
func rangeEnd(from netip.Addr, end string) string {
	to, err := netip.ParseAddr(end)
	if err != nil {
		base := 10
		if from.Is6() {
			base, end = 0, "0x"+end
		}
		limit := uint64(255)
		if from.Is6() {
			limit = 65535
		}
		n, what := lex.Uint(end, base, 0, limit, true)
		if what != lex.NumberOK {
			return fmt.Sprintf("the end of the range is a number up to %d or an address", limit)
		}
		to = lastPart(from, n)
	}
	if to.BitLen() != from.BitLen() || !from.Less(to) {
		return "the range must end above its start"
	}
	return ""
}

// lastPart is a with its last octet or group set to n.
func lastPart(a netip.Addr, n uint64) netip.Addr {
	if a.Is4() {
		b := a.As4()
		b[3] = byte(n)
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	b[14], b[15] = byte(n>>8), byte(n)
	return netip.AddrFrom16(b)
}

// network takes a prefix, or the words for all addresses.
func network(w string) string {
	switch w {
	case "default", "any", "all", "default6":
		return ""
	}
	if _, err := netip.ParseAddr(w); err == nil {
		return ""
	}
	if _, err := netip.ParsePrefix(w); err == nil {
		return ""
	}
	return "a network such as 10.0.0.0/8, or default"
}

// markMask takes N or N/MASK, both in any base.
func markMask(w string) string {
	n, mask, ok := strings.Cut(w, "/")
	if !ok {
		mask = "0"
	}
	_, a := lex.Uint(n, 0, 0, maxUint32, true)
	_, b := lex.Uint(mask, 0, 0, maxUint32, true)
	if a == lex.NumberOK && b == lex.NumberOK {
		return ""
	}
	return "a mark such as 7 or 0x7/0xff"
}

// span takes A-B.
func span(w string) string {
	lo, hi, ok := strings.Cut(w, "-")
	a, okA := lex.Uint(lo, 10, 0, maxUint32, true)
	b, okB := lex.Uint(hi, 10, 0, maxUint32, true)
	if ok && okA == lex.NumberOK && okB == lex.NumberOK && a <= b {
		return ""
	}
	return "a range such as 1000-1999"
}

// metricTime takes N, Ns, Nsec, Nsecs or Nms.
func metricTime(w string) string {
	digits := strings.TrimRight(w, "msec")
	switch w[len(digits):] {
	case "", "s", "sec", "secs", "ms":
		if _, what := lex.Uint(digits, 10, 0, maxUint32, true); what == lex.NumberOK && digits != "" {
			return ""
		}
	}
	return "a time such as 3s or 200ms"
}

// labels takes MPLS labels joined by "/".
func labels(w string) string {
	for l := range strings.SplitSeq(w, "/") {
		if _, what := lex.Uint(l, 10, 0, 1<<20-1, true); what != lex.NumberOK || l == "" {
			return "labels up to 1048575 joined by /"
		}
	}
	return ""
}

// httpURL is the address of something that an HTTP server has.
func httpURL(w string) string {
	u, err := url.Parse(w)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]"
	}
	return ""
}

// httpStatus is one status or a range of them; see [HTTPStatus].
func httpStatus(w string) string {
	if _, _, ok := HTTPStatus(w); !ok {
		return "a status from 100 to 599, or two of them with - between"
	}
	return ""
}

// HTTPStatus reads "200" or "200-399".
func HTTPStatus(w string) (low, top int, ok bool) {
	first, last, span := strings.Cut(w, "-")
	if !span {
		last = first
	}
	a, what := lex.Uint(first, 10, 100, 599, true)
	b, what2 := lex.Uint(last, 10, 100, 599, true)
	return int(a), int(b), what == lex.NumberOK && what2 == lex.NumberOK && a <= b
}

// unitName is a systemd unit with its suffix: without one systemd would have to guess.
func unitName(w string) string {
	if i := strings.LastIndexByte(w, '.'); i <= 0 || i == len(w)-1 || len(w) > 255 || strings.ContainsAny(w, "/ \t") {
		return "a unit with its suffix, such as nginx.service"
	}
	return ""
}

func absolutePath(w string) string {
	if !strings.HasPrefix(w, "/") || strings.IndexByte(w, 0) >= 0 {
		return "a path that begins with /"
	}
	return ""
}

// dnsName is a name that can be looked up: labels of letters, digits and hyphens, the last with a letter, so that no mistyped address is one.
func dnsName(w string) string {
	const want = "a DNS name such as node-b.example.net"
	name := strings.TrimSuffix(w, ".")
	if len(name) == 0 || len(name) > 253 {
		return want
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, labelChars) != "" {
			return want
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" {
		return want
	}
	return ""
}

const labelChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// pin is the digest of a public key.
func pin(w string) string {
	digest, ok := strings.CutPrefix(w, "sha256:")
	if b, err := base64.StdEncoding.DecodeString(digest); !ok || err != nil || len(b) != 32 {
		return "sha256: and 44 characters of base64, as " +
			"'openssl x509 -in node.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64' gives"
	}
	return ""
}
