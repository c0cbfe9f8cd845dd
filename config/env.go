package config

import (
	"net/netip"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/expand"
)

// Env is what a configuration means something by and a pure package can't know. Every function may be nil: then nothing
// is known, and what depends on it is not checked.
type Env struct {
	// Expand is what the preprocessor sees: configuration id, host name, environment, include checks.
	Expand expand.Env
	// Test is true for a configuration test (-t): numbers with garbage behind them are refused.
	Test bool
	// Strict makes every error fatal (--strict).
	Strict bool
	// CPUs is the number of CPUs; 0 is unknown.
	CPUs int
	// Interface describes a network interface; ok is false when there is none of that name.
	Interface func(name string) (facts Interface, ok bool)
	// User and Group look up accounts by name; ok is false when there is none.
	User  func(name string) (uid, gid uint32, ok bool)
	Group func(name string) (gid uint32, ok bool)
	// Host reports whether a host name is known, or is an address. Asking may take seconds; it is for tests of a configuration.
	Host func(name string) bool
	// UID and GID are those of the daemon, which run scripts when nobody else is named.
	UID, GID uint32
	// Program describes a program by the path or bare name that a configuration gives (rule R3).
	Program func(name string) Program
	// Identity says what is wrong with the files of transport tls, as peers will find out. source is the address that they know the node by; it may be
	// the zero Addr.
	Identity func(id *Identity, source netip.Addr) []Flaw
	// Merge asks for Result.Merged.
	Merge bool
}

// Interface is what matters of a network interface when a configuration is loaded.
type Interface struct {
	Loopback  bool
	Multicast bool // IFF_MULTICAST
	Ethernet  bool // ARPHRD_ETHER
	MTU       int
	Addrs     []netip.Prefix
}

// Flaw is something about a file that a node proves itself with.
type Flaw struct {
	Keyword  string        // that names the file
	Severity diag.Severity // Fatal: nothing can be proved with it
	Text     string        // goes on behind the name of the file
	Hint     string
}

// Program is what matters of a program file.
type Program struct {
	// Path is where it was found, with symbolic links resolved; Link is the same with links kept.
	Path, Link string
	// Problem says why it can't be run ("not found", "not executable"), empty when it can.
	Problem string
	// SetRoot is true when it runs as root whoever starts it (set-uid or set-gid).
	SetRoot bool
	// Insecure names the part of the path that others than root may change (rule R5), empty for none.
	Insecure string
}

// Result is what became of a file.
type Result struct {
	// Config is the model; nil when something fatal was found.
	Config *Config
	// Namespace is net_namespace, also of a file that something fatal was found in.
	Namespace string
	// Diags is everything there is to say about the file.
	Diags *diag.List
	// Merged is the file with all that it includes, a line for each that a parser saw; only with Env.Merge. It has passwords and keys.
	Merged string
}
