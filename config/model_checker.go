package config

import (
	"net/netip"
	"time"
)

// Checker is one health check of a real server. Every inherited value is final (rule S1). The field that is named like
// Kind holds what only that kind has; it is nil for TCP and PING.
type Checker struct {
	Pos        Pos `json:",omitzero"`
	Kind       CheckKind
	Alpha      bool          `json:",omitzero"` // down until it has succeeded once (rule S3)
	LogAll     bool          `json:",omitzero"` // log every failure
	Port       uint16        `json:",omitzero"` // connect_port, else the real server's
	Retry      uint32        `json:",omitzero"` // failures that are tried again
	Delay      time.Duration `json:",omitzero"` // delay_loop
	RetryDelay time.Duration `json:",omitzero"` // delay_before_retry
	Warmup     time.Duration `json:",omitzero"` // most of the random first delay
	Timeout    time.Duration `json:",omitzero"` // connect_timeout; of MISC the time for the script
	Addr       netip.Addr    `json:",omitzero"` // connect_ip, else the real server's
	Bind       *Bind         `json:",omitzero"`
	HTTP       *HTTPCheck    `json:",omitzero"` // HTTP_GET and SSL_GET
	SMTP       *SMTPCheck    `json:",omitzero"`
	DNS        *DNSCheck     `json:",omitzero"`
	UDP        *UDPCheck     `json:",omitzero"`
	Misc       *MiscCheck    `json:",omitzero"`
	File       *FileCheck    `json:",omitzero"`
	BFD        string        `json:",omitzero"` // of a Config.BFD element
}

// CheckKind is the kind of a checker.
type CheckKind uint8

// The kinds of checkers.
const (
	CheckTCP CheckKind = iota + 1
	CheckUDP
	CheckPing
	CheckHTTP
	CheckSSL
	CheckSMTP
	CheckDNS
	CheckMisc
	CheckFile
	CheckBFD
)

// String is the keyword.
func (k CheckKind) String() string {
	names := [...]string{"", "TCP_CHECK", "UDP_CHECK", "PING_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK", "FILE_CHECK", "BFD_CHECK"}
	return names[min(int(k), len(names)-1)]
}

// Bind is where a check's connection comes from.
type Bind struct {
	Addr      netip.Addr `json:",omitzero"`
	Port      uint16     `json:",omitzero"`
	Mark      uint32     `json:",omitzero"` // SO_MARK
	Interface string     `json:",omitzero"`
}

// HTTPCheck is what HTTP_GET and SSL_GET have.
type HTTPCheck struct {
	Version      string // 1.0, 1.1, or 1.0C
	SNI          bool   `json:",omitzero"`
	FastRecovery bool   `json:",omitzero"`
	TLSCompliant bool   `json:",omitzero"`
	URLs         []URL  // at least one
}

// URL is one url block.
type URL struct {
	Pos          Pos     `json:",omitzero"`
	Path         string  // default "/"
	Host         string  `json:",omitzero"` // final virtualhost; empty is the address (rule S13)
	Digest       string  `json:",omitzero"` // MD5 of the body, 32 hexadecimal digits
	Status       []Range // accepted, default 200-299
	TLSCompliant bool    `json:",omitzero"`
	Regex        *Regex  `json:",omitzero"`
}

// Regex is what the body must match.
type Regex struct {
	Pattern   string
	NoMatch   bool     `json:",omitzero"` // success when it does not match
	Options   []string `json:",omitzero"` // known options of PCRE2, in lower case
	MinOffset uint32   `json:",omitzero"`
	MaxOffset uint32   `json:",omitzero"` // 0 is no limit
}

// SMTPCheck is what SMTP_CHECK has.
type SMTPCheck struct {
	Helo string // default smtpchecker.keepalived.org
}

// DNSCheck is what DNS_CHECK has.
type DNSCheck struct {
	Type string // default SOA
	Name string `json:",omitzero"` // empty is the root
}

// UDPCheck is what UDP_CHECK has.
type UDPCheck struct {
	Payload   []byte `json:",omitzero"` // nil is keepalived's default of 32 bytes
	Need      bool   `json:",omitzero"` // a reply is needed
	Reply     []byte `json:",omitzero"` // how it must begin
	ReplyMask []byte `json:",omitzero"` // bits of Reply that matter, as long as Reply
	MinLength uint16 `json:",omitzero"`
	MaxLength uint16 // default 255
}

// MiscCheck is what MISC_CHECK has.
type MiscCheck struct {
	Command Command
	Dynamic bool `json:",omitzero"` // exit codes 2 to 255 set the weight (rule S19)
}

// FileCheck is what FILE_CHECK has.
type FileCheck struct {
	Name    string // of a Config.Files element
	Weight  int32  `json:",omitzero"`
	Reverse bool   `json:",omitzero"`
}

// TLS is the SSL block: what SSL_GET shows to servers.
type TLS struct {
	Pos         Pos    `json:",omitzero"`
	Password    string `json:",omitzero"` // of the private key
	CA          string `json:",omitzero"` // paths
	Certificate string `json:",omitzero"`
	Key         string `json:",omitzero"`
}
