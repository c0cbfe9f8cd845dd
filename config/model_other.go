package config

import (
	"net/netip"
	"time"
)

// SyncGroup is a vrrp_sync_group: instances that change state together.
type SyncGroup struct {
	Pos            Pos      `json:",omitzero"`
	Name           string   // unique
	Members        []string // instance names in the order of the file, each in one group only
	WeightTracking bool     `json:",omitzero"` // sync_group_tracking_weight: trackers may have weights
	Track          Tracking `json:",omitzero"` // as configured on the group; members carry their share in their own Tracking
	Notify         Notify   `json:",omitzero"`
	SMTPAlert      bool     `json:",omitzero"`
	NotifyPriority *bool    `json:",omitzero"` // nil is: as each member
}

// Script is a vrrp_script that something tracks.
type Script struct {
	Pos      Pos    `json:",omitzero"`
	Name     string // unique
	Command  Command
	Interval time.Duration // default 1 s
	Timeout  time.Duration // until it is told to end; default Interval (rule J7)
	Weight   int           `json:",omitzero"` // default for those who track it
	Reverse  bool          `json:",omitzero"`
	Rise     int           // successes to be up, default 1
	Fall     int           // failures to be down, default 1
	InitFail bool          `json:",omitzero"` // as written; it has no effect (rule J9)
	Broken   string        `json:",omitzero"` // why it can't be run; it counts as failed (vrrp_broken_script)
}

// Address is one address to put on an interface.
type Address struct {
	Pos           Pos          `json:",omitzero"`
	Prefix        netip.Prefix // address (not masked) and prefix length
	Dev           string       `json:",omitzero"` // final: the entry's, else the instance's, else the default interface
	Broadcast     netip.Addr   `json:",omitzero"` // IFA_BROADCAST; "+" and "-" are computed
	Peer          netip.Addr   `json:",omitzero"` // address of the other end
	Label         string       `json:",omitzero"` // IFA_LABEL
	Preferred     uint32       `json:",omitzero"` // seconds; LifetimeForever is for ever; default 0 for IPv6 /128, else for ever
	TrackGroup    uint16       `json:",omitzero"` // static addresses only: 1 + the index in Config.TrackGroups; 0 is none
	Scope         uint8        `json:",omitzero"` // RT_SCOPE_*: 0 global, 253 link, 254 host
	OwnDev        bool         `json:",omitzero"` // the entry named Dev itself
	Home          bool         `json:",omitzero"` // IFA_F_HOMEADDRESS
	DAD           bool         `json:",omitzero"` // "-nodad": let the kernel test an IPv6 address for duplicates (rule K7)
	ManageTemp    bool         `json:",omitzero"` // IFA_F_MANAGETEMPADDR
	NoPrefixRoute bool         `json:",omitzero"` // IFA_F_NOPREFIXROUTE
	AutoJoin      bool         `json:",omitzero"` // IFA_F_MCAUTOJOIN
	NoTrack       bool         `json:",omitzero"`
	UseVMAC       bool         `json:",omitzero"`
}

// LifetimeForever is the value of Address.Preferred that means no end.
const LifetimeForever = 1<<32 - 1

// Addr returns the address alone.
func (a *Address) Addr() netip.Addr { return a.Prefix.Addr() }

// TrackGroup is a track_group: instances that static entries depend on.
type TrackGroup struct {
	Pos     Pos `json:",omitzero"`
	Name    string
	Members []string
}

// GarpGroup is a garp_group: interfaces that share a limit on gratuitous packets (rule M5).
type GarpGroup struct {
	Pos        Pos           `json:",omitzero"`
	ARP        time.Duration `json:",omitzero"` // least gap; 0 is none
	NA         time.Duration `json:",omitzero"`
	Interfaces []string
}

// Debounce is one line of interface_up_down_delays (rule A24).
type Debounce struct {
	Pos       Pos `json:",omitzero"`
	Interface string
	Down      time.Duration `json:",omitzero"`
	Up        time.Duration `json:",omitzero"`
}
