package config

import (
	"net/netip"
	"time"
)

// Service is a virtual_server: one service of the kernel's load balancer, or one for each entry of a group. Exactly one of
// Addr, Group and HasMark says what it is for.
type Service struct {
	Pos           Pos           `json:",omitzero"`
	Addr          netip.Addr    `json:",omitzero"`
	Port          uint16        `json:",omitzero"` // 0 is any
	HasMark       bool          `json:",omitzero"`
	Mark          uint32        `json:",omitzero"` // firewall mark
	Group         string        `json:",omitzero"` // of a Config.ServiceGroups element
	Family        Family        `json:",omitzero"` // 0 for a group of both families
	Protocol      Protocol      `json:",omitzero"` // 0 for marks (rule U7)
	Scheduler     string        // default wlc (rule T13)
	Flags         SchedFlags    `json:",omitzero"`
	OnePacket     bool          `json:",omitzero"` // ops
	HASuspend     bool          `json:",omitzero"`
	Alpha         bool          `json:",omitzero"`
	Omega         bool          `json:",omitzero"`
	SMTPAlert     bool          `json:",omitzero"`
	Method        Forwarding    // the default of its real servers
	Engine        string        `json:",omitzero"` // persistence_engine
	Persistence   time.Duration `json:",omitzero"` // whole seconds; 0 is none
	Granularity   uint8         `json:",omitzero"` // prefix length of IPv6 clients; 0 is all bits
	GranularityV4 netip.Addr    `json:",omitzero"` // mask of IPv4 clients; need not be solid
	VirtualHost   string        `json:",omitzero"`
	SNMPName      string        `json:",omitzero"`
	QuorumUp      *Command      `json:",omitzero"`
	QuorumDown    *Command      `json:",omitzero"`
	Quorum        uint32        // at least 1, at most the sum of weights (rule T9)
	Hysteresis    uint32        `json:",omitzero"` // less than Quorum
	Sorry         *SorryServer  `json:",omitzero"`
	Servers       []RealServer  // at least one
}

// SchedFlags are flags of an IPVS scheduler (IP_VS_SVC_F_SCHED*): "port" and "fallback" of sh and mh are the first two.
type SchedFlags uint8

// The flags of schedulers.
const (
	SchedFlag1 SchedFlags = 1 << iota // sh-fallback, mh-fallback
	SchedFlag2                        // sh-port, mh-port
	SchedFlag3
)

// Protocol is an IP protocol number.
type Protocol uint8

// The protocols of services.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// Forwarding is how packets reach a real server.
type Forwarding struct {
	Method   ForwardMethod
	Tunnel   TunnelType   `json:",omitzero"`
	Checksum TunnelChecks `json:",omitzero"`
	Port     uint16       `json:",omitzero"` // of gue
}

// ForwardMethod is NAT, DR or TUN.
type ForwardMethod uint8

// The forwarding methods.
const (
	NAT ForwardMethod = iota + 1
	DR
	TUN
)

// TunnelType is the encapsulation of TUN.
type TunnelType uint8

// The tunnel types.
const (
	IPIP TunnelType = iota
	GUE
	GRE
)

// TunnelChecks is the checksum of a tunnel.
type TunnelChecks uint8

// The checksums of tunnels.
const (
	NoChecksum TunnelChecks = iota
	Checksum
	RemoteChecksum
)

// SorryServer takes over when the quorum is lost.
type SorryServer struct {
	Pos     Pos `json:",omitzero"`
	Addr    netip.Addr
	Port    uint16 `json:",omitzero"`
	Inhibit bool   `json:",omitzero"`
	Method  Forwarding
}

// RealServer is a real_server with everything that it inherits (rule S1).
type RealServer struct {
	Pos         Pos `json:",omitzero"`
	Addr        netip.Addr
	Weight      int32  // default 1
	Upper       uint32 `json:",omitzero"` // uthreshold; 0 is no limit
	Lower       uint32 `json:",omitzero"` // lthreshold
	Port        uint16 `json:",omitzero"`
	Method      Forwarding
	Inhibit     bool      `json:",omitzero"` // weight 0 on failure instead of removal
	Alpha       bool      `json:",omitzero"`
	SMTPAlert   bool      `json:",omitzero"`
	NotifyUp    *Command  `json:",omitzero"`
	NotifyDown  *Command  `json:",omitzero"`
	VirtualHost string    `json:",omitzero"`
	SNMPName    string    `json:",omitzero"`
	Checkers    []Checker `json:",omitzero"`
}

// ServiceGroup is a virtual_server_group.
type ServiceGroup struct {
	Pos     Pos `json:",omitzero"`
	Name    string
	Entries []ServiceEntry
}

// ServiceEntry is one line of a group: addresses First to Last, or a mark.
type ServiceEntry struct {
	Pos     Pos        `json:",omitzero"`
	First   netip.Addr `json:",omitzero"`
	Last    netip.Addr `json:",omitzero"` // equal to First for one address
	Port    uint16     `json:",omitzero"`
	HasMark bool       `json:",omitzero"`
	Family  Family     `json:",omitzero"` // of a mark; 0 is that of the service
	Mark    uint32     `json:",omitzero"`
}
