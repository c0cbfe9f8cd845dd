package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/track"
)

// Event is something that happened. The engine keeps nothing of it after Step has returned.
type Event interface{ event() }

type (
	// AdvertsDue begins a round: adverts whose time has come are sent, nothing else is decided.
	AdvertsDue struct{}

	// Wakeup ends a round: everything that was waiting has been heard, so all that is due may be decided.
	Wakeup struct{}

	// Configure replaces the configuration. The first makes the engine run. What is equal in both is not touched.
	Configure struct {
		Config *Config
		// Resume is what the routers of an earlier process were doing, by identity; see Resume.
		Resume []Resume
	}

	// Received is a packet that came in through Port. Payload is what follows the IP header: an Authentication Header and the message
	// if the port is one for them (PortID.AH), else the message.
	Received struct {
		Port     PortID
		Src, Dst netip.Addr
		Origin   netip.Addr `json:",omitzero"` // of what was carried: the source as the sender has it; else zero
		TTL      int        // -1 where unknown
		ID       uint16     // identification, of IPv4
		Payload  []byte
	}

	// Overflow says that the kernel had to drop packets of a port because nobody fetched them in time.
	Overflow struct {
		Port    PortID
		Packets uint32
	}

	// LinkChanged is the newest description of an interface. Also how the engine learns of links at its start.
	LinkChanged struct{ Link host.Link }

	// LinkGone says that there is no interface of that name any more.
	LinkGone struct{ Name string }

	// Applied is the kernel's answer to a desired state.
	Applied struct{ host.Applied }

	// Lost says that an address is gone that we had not removed.
	Lost struct{ host.Lost }

	// Tracked is the newest state of a tracked source.
	Tracked struct{ track.State }

	// Sent says what became of sending the adverts of a router; the driver tells it only when it changes.
	Sent struct {
		Owner host.Owner
		Err   string // empty when sending works again
	}

	// PeerDied says that the daemon of a peer is dead, which was confirmed by a fresh dial that its machine refused. Src is the peer as it is
	// configured, Dst the address of ours that was connected with it.
	PeerDied struct {
		Port     PortID
		Src, Dst netip.Addr
	}

	// PeerReport is what a peer says of its router.
	PeerReport struct {
		Port             PortID
		Src, Dst, Origin netip.Addr
		VRID             uint8
		State            State
		Priority         uint8
		Hears            bool // it has heard adverts of ours within its down time
	}

	// PeerLink tells of the connection to a peer.
	PeerLink struct {
		Port     PortID
		Src, Dst netip.Addr
		Up       bool
	}

	// PeerHand is a word of a peer in a hand-over.
	PeerHand struct {
		Port     PortID
		Src, Dst netip.Addr
		VRID     uint8
		Hand     Hand
	}

	// CarrierLost says that the process that carries adverts is gone. Another one may come.
	CarrierLost struct{}

	// Stop makes every router leave: a MASTER sends priority 0, and gives up its addresses when somebody has taken over (rule Q10).
	Stop struct {
		Keep bool // leave the addresses where they are (-V)
		// Within is how long the whole stop may take (child_wait_time). The addresses go a second before its end at the latest; with no
		// more than a second, at once.
		Within time.Duration
	}

	// Claimed tells who else says that addresses are his, by ARP or neighbour advertisement. The engine wants to know only while
	// Leaving.
	Claimed struct{ Claims []Claim }

	// Challenged tells the same at any other time, of the addresses that routers have: a MASTER that hears it has a trouble (AddressClaimed).
	// It need not tell of each claim; one a second for an address is enough.
	Challenged struct{ Claims []Claim }
)

func (*AdvertsDue) event()  {}
func (*Wakeup) event()      {}
func (*Configure) event()   {}
func (*Received) event()    {}
func (*Overflow) event()    {}
func (*LinkChanged) event() {}
func (*LinkGone) event()    {}
func (*Applied) event()     {}
func (*Lost) event()        {}
func (*Tracked) event()     {}
func (*Sent) event()        {}
func (*Stop) event()        {}
func (*Claimed) event()     {}
func (*Challenged) event()  {}
func (*PeerDied) event()    {}
func (*PeerReport) event()  {}
func (*PeerLink) event()    {}
func (*PeerHand) event()    {}
func (*CarrierLost) event() {}

// Claim is one station's saying that an address is at it.
type Claim struct {
	Index int // of the interface that it was heard on
	MAC   [6]byte
	Addr  netip.Addr
}

// Resume is what a router of an earlier process was doing when it was last heard of. A router that was MASTER and whose last
// advert is fewer than min(DownAdverts, 3) - 1 intervals old goes on as MASTER; its peers have noticed nothing.
type Resume struct {
	Identity   Identity
	Name       string // tells those apart that have one identity: unicast routers that differ in their peers only
	State      State
	LastAdvert clock.Instant // on CLOCK_BOOTTIME
	Interval   time.Duration
	Sequence   uint32 // of the Authentication Header that was sent or heard last
	// Told is the state that notification scripts were last told, so that they are not told again.
	Told string
}
