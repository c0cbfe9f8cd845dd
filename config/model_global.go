package config

import (
	"net/netip"
	"time"
)

// Global is global_defs, with defaults filled in.
type Global struct {
	Pos            Pos           `json:",omitzero"`
	RouterID       string        `json:",omitzero"` // default: the local host name
	ScriptSecurity bool          `json:",omitzero"` // enable_script_security
	ScriptUser     Credentials   `json:",omitzero"` // who runs scripts that name no user (rule R2)
	SymlinkPaths   bool          `json:",omitzero"` // use_symlink_paths: keep the links in script paths
	ProcessNames   ProcessNames  `json:",omitzero"`
	RandomSeed     *uint32       `json:",omitzero"`
	BrokenFails    bool          `json:",omitzero"` // holdfast's own: a script that can't be run counts as failed
	LostAddress    LostAddress   `json:",omitzero"` // holdfast's own: what to do when someone deletes our address
	Notify         Delivery      `json:",omitzero"` // holdfast's own
	Resolve        time.Duration `json:",omitzero"` // holdfast's own: how often DNS names of peers are looked up (unicast_peer_resolve)
	VRRP           VRRPDefaults  `json:",omitzero"`
	VRRPProcess    ProcessTuning `json:",omitzero"`
	CheckerProcess ProcessTuning `json:",omitzero"`
	BFDProcess     ProcessTuning `json:",omitzero"`
	Mail           Mail
	Firewall       Firewall
	LVS            LVS
	SNMP           SNMP
	DBus           DBus  `json:",omitzero"`
	FIFO           FIFOs `json:",omitzero"`
	Auto           AutoPriority
	Programs       Programs
	Reload         Reload `json:",omitzero"`
	Dirs           Dirs
	Umask          *uint32 `json:",omitzero"` // nil is the program's own
	// Rest are the keywords, as written, that a reload can't change (rule P2): nftables, nftables_ipvs,
	// tmp_config_directory, disable_local_igmp. Their values are in the fields above too.
	Rest []Item `json:",omitzero"`
}

// VRRPDefaults is what global_defs says about all VRRP instances.
type VRRPDefaults struct {
	Version             uint8             // vrrp_version, 2 or 3: the default for IPv4 instances
	Strict              bool              `json:",omitzero"` // vrrp_strict
	Group4              netip.Addr        // vrrp_mcast_group4, default 224.0.0.18
	Group6              netip.Addr        // vrrp_mcast_group6, default ff02::12
	DefaultInterface    string            `json:",omitzero"` // default_interface, default "eth0" if there is one
	DynamicInterfaces   DynamicInterfaces `json:",omitzero"`
	StartupDelay        time.Duration     `json:",omitzero"` // vrrp_startup_delay, from the start of the process
	DelayAfterBoot      time.Duration     `json:",omitzero"` // vrrp_delay_after_boot, from the boot of the machine; the later end counts
	DownTimerAdverts    int               // 1..100
	Garp                Garp
	GarpInterval        time.Duration `json:",omitzero"` // least gap between two gratuitous ARP on an interface; 0 is none
	GNAInterval         time.Duration `json:",omitzero"` // the same for unsolicited neighbour advertisements
	LowerPrioNoAdvert   bool          `json:",omitzero"`
	HigherPrioAdvert    bool          `json:",omitzero"` // vrrp_higher_prio_send_advert
	OwnerIgnoreAdverts  bool          `json:",omitzero"`
	CheckUnicastSource  bool          `json:",omitzero"`
	SkipCheckAddresses  bool          `json:",omitzero"` // vrrp_skip_check_adv_addr
	ChecksumAsV2        bool          `json:",omitzero"` // v3_checksum_as_v2
	NotifyPriority      bool          `json:",omitzero"` // vrrp_notify_priority_changes
	SMTPAlert           bool          `json:",omitzero"` // smtp_alert_vrrp, else smtp_alert
	LogUnknownVRIDs     bool          `json:",omitzero"`
	NoEmailFaults       bool          `json:",omitzero"`
	FIFOStatesOnReload  bool          `json:",omitzero"` // fifo_write_vrrp_states_on_reload
	NoLocalIGMP         bool          `json:",omitzero"` // disable_local_igmp
	GarpExtra           time.Duration `json:",omitzero"` // vrrp_garp_extra_if
	GarpExtraAll        bool          `json:",omitzero"`
	VMACPrefix          string        // vmac_prefix, default "vrrp"
	VMACAddrPrefix      string        // default VMACPrefix
	ProcessMonitor      SocketBuffer  `json:",omitzero"`
	NetlinkCommand      SocketBuffer  `json:",omitzero"`
	NetlinkMonitor      SocketBuffer  `json:",omitzero"`
	ReceiveBufferPolicy RxPolicy      `json:",omitzero"`
	ReceiveBufferSize   uint32        `json:",omitzero"` // bytes, when the policy is RxBytes
	ReceiveBufferFactor uint32        // vrrp_rx_bufs_multiplier, default 3: for the policies MTU and ADVERT
}

// Garp is when and how often gratuitous ARP (IPv4) or unsolicited neighbour advertisements (IPv6) are sent for the
// addresses of a MASTER (rules M1, E5). All values are final: an instance's own, else the global ones, else the defaults.
type Garp struct {
	Delay          time.Duration // from becoming MASTER to the second burst; 0 is no second burst; default 5 s
	Repeat         int           // packets per address and burst, at least 1; default 5
	Refresh        time.Duration // period while MASTER; 0 is none
	RefreshRepeat  int           // packets per address and refresh; default 1
	LowerPrioDelay time.Duration // from a lower-priority advert to the second burst; default Delay
	LowerPrioCount int           // packets after a lower-priority advert, 0 is none; default Repeat
}

// ProcessNames are the visible names of the processes; empty is the default of the program.
type ProcessNames struct {
	Parent  string `json:",omitzero"`
	VRRP    string `json:",omitzero"`
	Checker string `json:",omitzero"`
	BFD     string `json:",omitzero"`
}

// ProcessTuning is scheduling and memory of one process (rule Q16).
type ProcessTuning struct {
	Nice     int           `json:",omitzero"` // -20..19
	NoSwap   bool          `json:",omitzero"` // lock all memory
	RealTime int           `json:",omitzero"` // SCHED_RR priority 1..99, 0 is off
	RTTime   time.Duration `json:",omitzero"` // RLIMIT_RTTIME while real-time; default 10 ms
	CPUs     []int         `json:",omitzero"` // CPU numbers, ascending; empty is all
}

// SocketBuffer is the receive buffer of a socket.
type SocketBuffer struct {
	Bytes uint32 `json:",omitzero"` // 0 is the system's default
	Force bool   `json:",omitzero"` // SO_RCVBUFFORCE: above the system's limit
}

// DynamicInterfaces says whether instances may name interfaces that do not exist yet.
type DynamicInterfaces uint8

// The values of dynamic_interfaces.
const (
	DynamicOff     DynamicInterfaces = iota // a missing interface is fatal (rule L2)
	DynamicOn                               // they may appear later
	DynamicChanges                          // allow_if_changes: also with another type or parent (rule A30)
)

// RxPolicy is how the receive buffers of VRRP sockets are sized.
type RxPolicy uint8

// The values of vrrp_rx_bufs_policy.
const (
	RxSystem RxPolicy = iota // the system's default
	RxMTU                    // by the largest MTU
	RxAdvert                 // by the size of the largest advert
	RxBytes                  // a number of bytes
)

// Delivery is how notify scripts are run, as far as keepalived has no say in it.
type Delivery struct {
	Merge bool          `json:",omitzero"` // vrrp_notify_superseded merge: of states that wait only the newest is told
	Limit time.Duration `json:",omitzero"` // vrrp_notify_timeout: how long a script may run; 0 is the default
	// Webhooks are the addresses that are told of every transition (vrrp_notify_webhook).
	Webhooks []Webhook `json:",omitzero"`
}

// Webhook is an address that transitions are posted to.
type Webhook struct {
	URL     string        // http or https, unique
	Timeout time.Duration // of one try; default 5 s
	Tries   int           // at most; default 5
}

// MailsVRRP reports whether any instance or group tells of its state by mail, and there is a server and somebody to tell.
func (c *Config) MailsVRRP() bool {
	if m := &c.Global.Mail; m.Server == "" || len(m.To) == 0 {
		return false
	}
	for i := range c.Instances {
		if c.Instances[i].SMTPAlert {
			return true
		}
	}
	for i := range c.Groups {
		if c.Groups[i].SMTPAlert {
			return true
		}
	}
	return false
}

// LostAddress is what a MASTER does when somebody else deletes one of its addresses.
type LostAddress uint8

// The values of vrrp_lost_address.
const (
	LostRestore  LostAddress = iota // put it back
	LostStepDown                    // as keepalived: priority 0 and BACKUP (rule K1)
)
