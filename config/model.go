package config

import "time"

// Config is one loaded configuration. Nothing changes it after [Load] has returned it.
type Config struct {
	ID            string         `json:",omitzero"` // the configuration id that selected "@id" lines
	Process       Process        `json:",omitzero"`
	Global        Global         `json:",omitzero"`
	Instances     []Instance     `json:",omitzero"` // in the order of the file
	Groups        []SyncGroup    `json:",omitzero"` // in the order of the file; at least one member each
	Scripts       []Script       `json:",omitzero"` // only those that something tracks (rule A34)
	Static        []Address      `json:",omitzero"` // static_ipaddress
	TrackGroups   []TrackGroup   `json:",omitzero"` // track_group, for static entries
	GarpGroups    []GarpGroup    `json:",omitzero"`
	Debounce      []Debounce     `json:",omitzero"` // interface_up_down_delays
	Linkbeat      []Linkbeat     `json:",omitzero"` // linkbeat_interfaces
	Routes        []Route        `json:",omitzero"` // static_routes
	Rules         []Rule         `json:",omitzero"` // static_rules
	Checks        []TrackCheck   `json:",omitzero"` // vrrp_check, ours
	Files         []TrackFile    `json:",omitzero"`
	Processes     []TrackProcess `json:",omitzero"`
	BFD           []BFDSession   `json:",omitzero"`
	TLS           *TLS           `json:",omitzero"` // SSL
	Identities    []Identity     `json:",omitzero"` // transport_certificate and what belongs to it, ours
	ServiceGroups []ServiceGroup `json:",omitzero"` // virtual_server_group
	Services      []Service      `json:",omitzero"` // virtual_server
	Parts         Parts          `json:",omitzero"`
	Uses          []Use          `json:",omitzero"` // uses of keywords whose effect is not built; see Unbuilt
}

// Parts says which of keepalived's processes the file asks for.
type Parts struct {
	VRRP    bool `json:",omitzero"` // instances, or static addresses, routes or rules
	Checker bool `json:",omitzero"` // virtual servers
	BFD     bool `json:",omitzero"` // BFD sessions
}

// Process holds the keywords of the top level that concern the program as a whole.
type Process struct {
	Instance            string        `json:",omitzero"` // name added to pid files, dumps and the syslog ident
	UsePidDir           bool          `json:",omitzero"` // pid files in a directory of their own
	ChildWait           time.Duration // how long children may take to stop before they are killed; default 5 s
	Namespace           string        `json:",omitzero"` // network namespace to run in
	NamespaceIPVS       *string       `json:",omitzero"` // namespace of the IPVS sockets; "" is the initial one, nil is not set
	NamespaceWithIpsets bool          `json:",omitzero"`
	LinkbeatPolling     bool          `json:",omitzero"` // linkbeat_use_polling
}

// Use is one use in the file of a keyword that asks for something that is not built yet.
type Use struct {
	Pos     Pos    `json:",omitzero"`
	Block   string // block path as in the schema, such as "vrrp_instance"
	Keyword string
	Part    Part // which process the keyword belongs to, so that a start without that part can pass over it
}

// Part names the process that a keyword belongs to.
type Part uint8

// The parts of a configuration.
const (
	PartAll     Part = iota // the program as a whole
	PartVRRP                // the VRRP process (switched off by -C and -B alone)
	PartChecker             // the health checkers and IPVS (switched off by -P)
	PartBFD                 // BFD sessions
)

// Item is a keyword as written; see Global.Rest.
type Item struct {
	Pos   Pos      `json:",omitzero"`
	Words []string // keyword and arguments, unquoted
	Block []Item   `json:",omitzero"`
}

// Unbuilt lists every use in the file of a keyword whose effect is not built: first those in the order of
// the file, then those that strict mode implies. A start must refuse while it is not empty; a configuration test never does.
func (c *Config) Unbuilt() []Use { return c.Uses }

// Instance finds an instance by name.
func (c *Config) Instance(name string) (*Instance, bool) {
	for i := range c.Instances {
		if c.Instances[i].Name == name {
			return &c.Instances[i], true
		}
	}
	return nil, false
}

// Script finds a vrrp_script by name.
func (c *Config) Script(name string) (*Script, bool) {
	for i := range c.Scripts {
		if c.Scripts[i].Name == name {
			return &c.Scripts[i], true
		}
	}
	return nil, false
}
