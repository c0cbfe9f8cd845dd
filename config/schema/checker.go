package schema

import "slices"

func checkerBlocks() []*Block {
	return []*Block{
		{Path: "virtual_server/real_server/SMTP_CHECK", Means: "SMTP dialogue checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nSMTP_CHECK {\n%s\n}\n}\n}", Keys: virtualServerRealSmtpCheckKeys},
		{Path: "virtual_server/real_server/MISC_CHECK", Means: "external script checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nMISC_CHECK {\nmisc_path /bin/true\n%s\n}\n}\n}", Keys: virtualServerRealMiscCheckKeys},
		{Path: "virtual_server/real_server/HTTP_GET", Means: "HTTP checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nHTTP_GET {\nurl {\npath /\n}\n%s\n}\n}\n}", Keys: virtualServerRealHttpGetKeys},
		{Path: "virtual_server/real_server/SSL_GET", Means: "HTTPS checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nSSL_GET {\nurl {\npath /\n}\n%s\n}\n}\n}", Keys: virtualServerRealSslGetKeys},
		{Path: "virtual_server/real_server/HTTP_GET/url", Means: "url to fetch", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nHTTP_GET {\nurl {\npath /\n%s\n}\n}\n}\n}", Keys: virtualServerRealHttpGetUrlKeys},
		{Path: "virtual_server/real_server/SSL_GET/url", Means: "url to fetch", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nSSL_GET {\nurl {\npath /\n%s\n}\n}\n}\n}", Keys: virtualServerRealSslGetUrlKeys},
		{Path: "virtual_server/real_server/UDP_CHECK", Means: "UDP send / reply checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nUDP_CHECK {\n%s\n}\n}\n}", Keys: virtualServerRealUdpCheckKeys},
		{Path: "virtual_server/real_server/DNS_CHECK", Means: "DNS query checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nDNS_CHECK {\n%s\n}\n}\n}", Keys: virtualServerRealDnsCheckKeys},
		{Path: "virtual_server/real_server/FILE_CHECK", Means: "tracked file checker", Frame: "track_file f {\nfile /run/ha.track\n}\nvirtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nFILE_CHECK {\ntrack_file f\n%s\n}\n}\n}", Keys: virtualServerRealFileCheckKeys},
		{Path: "virtual_server/real_server/BFD_CHECK", Means: "BFD session checker", Frame: "bfd_instance b {\nneighbor_ip 10.0.0.2\n}\nvirtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nBFD_CHECK {\nname b\n%s\n}\n}\n}", Keys: virtualServerRealBfdCheckKeys},
		{Path: "virtual_server/real_server/SMTP_CHECK/host", Means: "extra connection endpoint", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nSMTP_CHECK {\nhost {\n%s\n}\n}\n}\n}", Keys: virtualServerRealSmtpCheckHostKeys},
		{Path: "virtual_server/real_server/TCP_CHECK", Means: "TCP connect checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nTCP_CHECK {\n%s\n}\n}\n}", Keys: virtualServerRealTcpCheckKeys},
		{Path: "virtual_server/real_server/PING_CHECK", Means: "ICMP echo checker", Frame: "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\nPING_CHECK {\n%s\n}\n}\n}", Keys: virtualServerRealPingCheckKeys},
	}
}

var virtualServerRealSmtpCheckKeys = slices.Concat(connectKeys, checkKeys, []Keyword{
	{Name: "helo_name", Args: list(word("NAME")), Lack: Ignore, Means: "HELO name", Default: "smtpchecker.keepalived.org", Good: "helo_name lb1.example.org", Bad: "helo_name"},
	{Name: "host", Opens: Keywords, Repeat: Many, Means: "extra connection endpoint", Good: "host {\n}", Bad: "host now {\n}"},
})

var virtualServerRealMiscCheckKeys = slices.Concat(checkKeys, []Keyword{
	{Name: "misc_path", Args: command(), Lack: Ignore, Means: "command", Quiet: true, Good: "misc_path \"/usr/bin/test -e /run/ok\"", Bad: "misc_path"},
	{Name: "misc_timeout", Args: list(unit("s", num("SECONDS", 0, 4294))), Means: "time before termination", Default: "vs delay_loop", Good: "misc_timeout 5", Bad: "misc_timeout 5000"},
	{Name: "misc_dynamic", Means: "exit code 2-255 sets weight code-2", Default: "off", Good: "misc_dynamic", Bad: "misc_dynamic now"},
	{Name: "user", Args: who(), Lack: Ignore, Means: "run as", Default: "script_user", Good: "user nobody", Bad: "user no_such_user"},
})

var virtualServerRealHttpGetKeys = slices.Concat(connectKeys, checkKeys, webKeys)

var virtualServerRealSslGetKeys = slices.Concat(connectKeys, checkKeys, webKeys, []Keyword{
	{Name: "tls_compliant", Args: yesNo(), Means: "require TLS close semantics (unexpected EOF is an error)", Default: "false", Since: "2.3", Good: "tls_compliant true", Bad: "tls_compliant maybe", Built: UnlessTrue},
})

var virtualServerRealHttpGetUrlKeys = slices.Clone(urlKeys)

var virtualServerRealSslGetUrlKeys = slices.Concat(urlKeys, []Keyword{
	{Name: "tls_compliant", Args: yesNo(), Means: "per url override", Default: "false", Since: "2.3", Good: "tls_compliant true", Bad: "tls_compliant maybe", Built: UnlessTrue},
})

var virtualServerRealUdpCheckKeys = slices.Concat(connectKeys, checkKeys, []Keyword{
	{Name: "payload", Args: list(rest(form("HEXSTRING", hexBytes))), Lack: Ignore, Means: "payload to send", Good: "payload 00112233", Bad: "payload xyz"},
	{Name: "require_reply", Args: list(Arg{Name: "HEXSTRING", Kind: Form, Check: hexMask, Optional: true, Rest: true}), Means: "need a reply (starting with this data)", Good: "require_reply 00xx33", Bad: "require_reply zz"},
	{Name: "min_reply_length", Args: list(num("N", 0, 65535)), Means: "minimum reply size", Default: "0", Good: "min_reply_length 10", Bad: "min_reply_length 70000"},
	{Name: "max_reply_length", Args: list(num("N", 0, 65535)), Means: "maximum reply size", Default: "255", Good: "max_reply_length 10", Bad: "max_reply_length 70000"},
})

var virtualServerRealDnsCheckKeys = slices.Concat(connectKeys, checkKeys, []Keyword{
	{Name: "type", Args: list(fold(choice("TYPE", "A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"))), Means: "query type", Default: "SOA", Good: "type NS", Bad: "type PTR"},
	{Name: "name", Args: list(form("DOMAIN", domain)), Repeat: First, Means: "query name", Default: "\"\" (root)", Good: "name example.org", Bad: "name a..b"},
})

var virtualServerRealFileCheckKeys = []Keyword{
	{Name: "track_file", Args: list(word("NAME")), Means: "tracked file", Good: "track_file f", Bad: "track_file"},
	{Name: "weight", Args: list(num("W", -maxInt32, maxInt32), optional(choice("reverse", "reverse", "noreverse"))), Lack: Ignore, Means: "multiplier added to RS weight; 0 = non-zero content fails", Default: "from track_file", Good: "weight 3 reverse", Bad: "weight much"},
}

var virtualServerRealBfdCheckKeys = []Keyword{
	{Name: "name", Args: list(word("BFD_NAME")), Lack: Ignore, Repeat: First, Means: "BFD session", Good: "name b", Bad: "name"},
	{Name: "alpha", Args: yesNo(), Means: "start as down", Default: "rs", Good: "alpha true", Bad: "alpha maybe", Built: UnlessTrue},
}

var virtualServerRealSmtpCheckHostKeys = slices.Concat(connectKeys, checkKeys)

var virtualServerRealTcpCheckKeys = slices.Concat(connectKeys, checkKeys)

var virtualServerRealPingCheckKeys = slices.Concat(connectKeys, checkKeys)

// connectKeys are keywords that several checkers share.
var connectKeys = []Keyword{
	{Name: "connect_ip", Args: list(host(addr(0))), Means: "address to connect to", Default: "RS address", Good: "connect_ip 10.1.0.9", Bad: "connect_ip 10.1.0"},
	{Name: "connect_port", Args: list(num("N", 1, 65535)), Means: "port to connect to", Default: "RS port", Good: "connect_port 8080", Bad: "connect_port 0"},
	{Name: "bindto", Args: list(host(addr(0))), Means: "source address", Default: "none", Good: "bindto 10.1.0.9", Bad: "bindto 10.1.0"},
	{Name: "bind_port", Args: list(num("N", 1, 65535)), Means: "source port", Default: "none", Good: "bind_port 8080", Bad: "bind_port 0"},
	{Name: "bind_if", Args: list(iface()), Means: "source interface (SO_BINDTODEVICE)", Good: "bind_if eth0", Bad: "bind_if a_name_that_is_too_long"},
	{Name: "connect_timeout", Args: list(seconds(1, 4294967295)), Means: "connect timeout", Default: "rs", Good: "connect_timeout 3", Bad: "connect_timeout 0"},
	{Name: "fwmark", Args: list(num("N", 0, maxUint32)), Means: "socket mark", Default: "0", Good: "fwmark 7", Bad: "fwmark -1"},
}

// checkKeys are keywords that several checkers share.
var checkKeys = []Keyword{
	{Name: "retry", Args: list(num("N", 0, maxUint32)), Means: "retries before failure", Default: "rs else checker default", Good: "retry 2", Bad: "retry -1"},
	{Name: "delay_before_retry", Args: list(seconds(0, 4294967295000000)), Means: "gap between retries", Default: "rs else checker default", Good: "delay_before_retry 2.5", Bad: "delay_before_retry -1"},
	{Name: "warmup", Args: list(seconds(0, 4294967295000000)), Means: "max random initial delay", Default: "rs else delay_loop", Good: "warmup 2.5", Bad: "warmup -1"},
	{Name: "delay_loop", Args: list(seconds(1, 4294967295000000)), Means: "check period", Default: "rs", Good: "delay_loop 2.5", Bad: "delay_loop -1"},
	{Name: "alpha", Args: yesNo(), Means: "start as down", Default: "rs", Good: "alpha true", Bad: "alpha maybe", Built: UnlessTrue},
	{Name: "log_all_failures", Args: yesNo(), Means: "log every failure", Default: "false", Good: "log_all_failures true", Bad: "log_all_failures maybe", Built: UnlessTrue},
}

// webKeys are keywords that several checkers share.
var webKeys = []Keyword{
	{Name: "nb_get_retry", Args: list(num("N", 0, maxUint32)), Means: "same as retry", Alias: "retry", Old: "deprecated", Loud: true, Good: "nb_get_retry 2", Bad: "nb_get_retry -1"},
	{Name: "virtualhost", Args: list(word("STRING")), Lack: Ignore, Means: "Host header for all urls", Default: "rs then vs", Good: "virtualhost www.example.org", Bad: "virtualhost"},
	{Name: "http_protocol", Args: list(choice("VERSION", "1.0", "1.1", "1.0C", "1.0c")), Lack: Ignore, Means: "request version; 1.0C and 1.1 add Connection: close", Default: "1.0", Good: "http_protocol 1.1", Bad: "http_protocol 2"},
	{Name: "enable_sni", Args: yesNo(), Means: "send SNI = virtual host", Default: "false", Good: "enable_sni true", Bad: "enable_sni maybe", Built: UnlessTrue},
	{Name: "fast_recovery", Args: yesNo(), Means: "check remaining urls without delay after recovery", Default: "false", Good: "fast_recovery true", Bad: "fast_recovery maybe", Built: UnlessTrue},
	{Name: "url", Opens: Keywords, Repeat: Many, Means: "url to fetch", Good: "url {\n\tpath /\n}", Bad: "url now {\n\tpath /\n}"},
}

// urlKeys are keywords that several checkers share.
var urlKeys = []Keyword{
	{Name: "path", Args: list(word("PATH")), Repeat: Replace, Means: "request path", Good: "path /health", Bad: "path"},
	{Name: "digest", Args: list(form("HEX32", md5)), Repeat: First, Means: "expected MD5 of body", Good: "digest 640205b7b0fc66c1ea91c463fac6334d", Bad: "digest 640205"},
	{Name: "status_code", Args: list(rest(form("CODE[-CODE]", statusCodes))), Repeat: Many, Lack: Ignore, Means: "accepted statuses", Default: "200-299", Good: "status_code 200-299 304", Bad: "status_code 700"},
	{Name: "virtualhost", Args: list(word("STRING")), Lack: Ignore, Means: "Host header", Default: "checker, rs, vs, address:port", Good: "virtualhost www.example.org", Bad: "virtualhost"},
	{Name: "regex", Args: command(), Lack: Ignore, Means: "PCRE2 pattern body must match", Quiet: true, Good: "regex \"^ok\"", Bad: "regex"},
	{Name: "regex_no_match", Means: "success when the pattern does not match", Default: "off", Good: "regex_no_match", Bad: "regex_no_match now"},
	{Name: "regex_options", Args: list(rest(word("OPT"))), Lack: Ignore, Means: "PCRE2 compile options", Quiet: true, Good: "regex_options caseless", Bad: "regex_options"},
	{Name: "regex_min_offset", Args: list(num("N", 0, maxUint32)), Lack: Ignore, Means: "first body offset where the match may start", Quiet: true, Good: "regex_min_offset 10", Bad: "regex_min_offset -1"},
	{Name: "regex_max_offset", Args: list(num("N", 0, maxUint32)), Lack: Ignore, Means: "last body offset where the match may start", Quiet: true, Good: "regex_max_offset 10", Bad: "regex_max_offset -1"},
	{Name: "regex_stack", Args: list(unit("bytes", num("START", 1, maxUint32)), unit("bytes", num("MAX", 1, maxUint32))), Lack: Ignore, Means: "PCRE2 JIT stack", Quiet: true, Good: "regex_stack 32768 65536", Bad: "regex_stack 0 1"},
}
