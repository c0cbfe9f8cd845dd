package config

import (
	"net/netip"
	"time"
)

// Mail is how alerts are sent.
type Mail struct {
	From    string        `json:",omitzero"` // default user@host where there is a server
	To      []string      `json:",omitzero"`
	Server  string        `json:",omitzero"` // name or address; empty is none
	Port    uint16        `json:",omitzero"` // default 25 where there is a server
	Helo    string        `json:",omitzero"` // default the local host name
	Timeout time.Duration // default 30 s
	Checker bool          `json:",omitzero"` // smtp_alert_checker, else smtp_alert: for virtual servers
	Real    bool          `json:",omitzero"` // the same for real servers, where the default is on
}

// FIFO is a named pipe for events, and the program that reads it.
type FIFO struct {
	Path   string
	User   Credentials
	Script *Command `json:",omitzero"`
}

// FIFOs are the pipes for all events, those of VRRP, and those of the checkers; nil is none.
type FIFOs struct {
	All  *FIFO `json:",omitzero"`
	VRRP *FIFO `json:",omitzero"`
	LVS  *FIFO `json:",omitzero"`
}

// Firewall is how packets to addresses are dropped where accept mode is off (section N of the rules).
type Firewall struct {
	Iptables bool     `json:",omitzero"`
	Chains   []string `json:",omitzero"` // in and out; one or two
	Ipsets   []string `json:",omitzero"`
	NoIpsets bool     `json:",omitzero"`
	Nftables string   `json:",omitzero"` // table; empty is not asked for
	Priority int32    // of the base chain, default -1
	IfIndex  bool     `json:",omitzero"`
	Counters bool     `json:",omitzero"`

	// What no file says, and whoever runs with a configuration finds out before.
	UseIptables bool   `json:",omitzero"` // rules are put into Chains: iptables is there and does not write nftables (rule N2)
	UseIpsets   bool   `json:",omitzero"` // and ipset is there
	Owner       string `json:",omitzero"` // what tells this daemon from others in the same network namespace: its pid file, if that is not the default
}

// LVS is what global_defs says about IPVS.
type LVS struct {
	TCP, TCPFin, UDP uint32       `json:",omitzero"` // lvs_timeouts in seconds; 0 leaves the kernel's
	Flush            bool         `json:",omitzero"`
	FlushOnStop      FlushOnStop  `json:",omitzero"`
	Sync             *SyncDaemon  `json:",omitzero"`
	Nftables         string       `json:",omitzero"` // nftables_ipvs: table; empty is not asked for
	Priority         int32        // of its base chain, default -1
	FirstMark        uint32       // default 1000
	LogAll           bool         `json:",omitzero"` // checker_log_all_failures
	InitNotifies     bool         `json:",omitzero"` // rs_init_notifies
	NoCheckerEmails  bool         `json:",omitzero"`
	Command, Monitor SocketBuffer `json:",omitzero"` // netlink sockets of the checkers
}

// FlushOnStop is how IPVS is emptied at the end.
type FlushOnStop uint8

// The values of lvs_flush_on_stop.
const (
	FlushNone FlushOnStop = iota
	FlushAll
	FlushServices
)

// SyncDaemon is lvs_sync_daemon.
type SyncDaemon struct {
	Interface string
	Instance  string     `json:",omitzero"` // the instance that it follows; empty runs both daemons
	ID        uint8      `json:",omitzero"` // default the VRID of Instance
	MaxLen    uint16     `json:",omitzero"`
	Port      uint16     `json:",omitzero"`
	TTL       uint8      `json:",omitzero"`
	Group     netip.Addr `json:",omitzero"`
}

// SNMP says what is served to an SNMP master agent.
type SNMP struct {
	Socket     string        `json:",omitzero"`
	Traps      bool          `json:",omitzero"`
	VRRP       bool          `json:",omitzero"`
	RFC2787    bool          `json:",omitzero"`
	RFC6527    bool          `json:",omitzero"`
	Checker    bool          `json:",omitzero"`
	VSInterval time.Duration // greatest age of statistics; default 5 s
	RSInterval time.Duration // default VSInterval
}

// DBus is the D-Bus interface.
type DBus struct {
	Enable  bool   `json:",omitzero"`
	Service string `json:",omitzero"` // default org.keepalived.Vrrp1
	NoIface string `json:",omitzero"` // dbus_no_interface_name
}

// AutoPriority raises the real-time priority of a process that is scheduled late.
type AutoPriority struct {
	Max   int           `json:",omitzero"` // 1..99; 0 is off; -1 is off and nothing is said about it
	Delay time.Duration // lateness that counts; default 1 s
}

// Programs are what runs before and after everything.
type Programs struct {
	Start        *Command      `json:",omitzero"`
	Stop         *Command      `json:",omitzero"`
	StartTimeout time.Duration // default 10 s
	StopTimeout  time.Duration // default 10 s
}

// Reload is what global_defs says about reloads.
type Reload struct {
	Check    bool   `json:",omitzero"` // reload_check_config
	CheckLog string `json:",omitzero"`
	TimeFile string `json:",omitzero"` // rule P14
	Repeat   bool   `json:",omitzero"`
	File     bool   `json:",omitzero"` // reload_file
	FilePath string `json:",omitzero"` // empty is the default path
}

// Dirs are where files are read and written.
type Dirs struct {
	Save        string `json:",omitzero"` // config_save_dir
	Temp        string `json:",omitzero"` // tmp_config_directory
	IprouteUsr  string // default /usr/share/iproute2
	IprouteEtc  string // default /etc/iproute2
	State       string `json:",omitzero"` // state_dump_file, stats_dump_file, json_dump_file; empty is the default
	Stats       string `json:",omitzero"`
	JSON        string `json:",omitzero"`
	UseInstance bool   `json:",omitzero"` // data_use_instance
	JSONVersion uint8  // default 1
}
