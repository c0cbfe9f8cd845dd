// Package role is what the processes of the daemon say to each other: one message type over bounded SEQPACKET sockets.
//
// The supervisor holds one control socket to every role. vrrp and runner also share a direct socket, so that a transition
// does not take a detour; the supervisor makes it and hands both ends out (Peer), again whenever one of the two was restarted.
package role

import (
	"net/netip"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/track"
	"holdfast.dev/transport"
)

// Name of a role, as in its command line and in its log ident.
type Name string

// The roles that exist (design: bfd and check follow).
const (
	Supervisor Name = "supervisor"
	VRRP       Name = "vrrp"
	Runner     Name = "runner"
	Aux        Name = "aux"
	Carrier    Name = "carrier"
)

// Msg is one message; exactly one field is set.
type Msg struct {
	// Supervisor to role.
	Prepare *Prepare `json:",omitempty"` // with the configuration as a descriptor: open all that can fail
	Commit  *Gen     `json:",omitempty"` // switch to the prepared generation; can't fail
	Abort   *Gen     `json:",omitempty"` // forget the prepared generation
	Peer    *Peer    `json:",omitempty"` // with a descriptor: the direct socket to another role
	Stop    *Stop    `json:",omitempty"` // leave: hand over, clean up, exit 0
	Signal  *Signal  `json:",omitempty"` // a signal that the supervisor passes on (dumps)
	// Listener is for the carrier, with a socket: one for each of transport.Config.Listens, before the Prepare that they belong to.
	Listener *Listener `json:",omitempty"`

	// Last is for the runner.
	Last *Last `json:",omitempty"`

	Window *Window `json:",omitempty"` // to aux, with the status page, the runner's memory and a listening socket: answer there
	Record *Record `json:",omitempty"` // with the file as a descriptor: record all inputs; without one: stop that

	// Ping is answered by Recv itself, with Pong: so whoever answers reads what it is told.
	Ping *Gen `json:",omitempty"`

	// Role to supervisor.
	Pong    *Gen     `json:",omitempty"`
	Ready   *Ready   `json:",omitempty"` // answer to Prepare
	Done    *Gen     `json:",omitempty"` // answer to Commit
	Log     *Log     `json:",omitempty"` // a line for the log
	Asked   *Asked   `json:",omitempty"` // somebody sent the role a signal that is the supervisor's to act on
	Stopped *Stopped `json:",omitempty"` // nothing more will come
	// Recorded says that a recording has ended.
	Recorded *Recorded `json:",omitempty"`

	// Resolved tells the supervisor what the DNS names of peers stand for (aux).
	Resolved *Resolved `json:",omitempty"`

	// aux or runner to supervisor, and back with a descriptor: a tracked file, or a named pipe, that they are not allowed to open.
	Open   *Open   `json:",omitempty"`
	Opened *Opened `json:",omitempty"`

	// vrrp to runner.
	Event *notify.Event `json:",omitempty"`
	Wall  *Wall         `json:",omitempty"` // change a firewall in chains of iptables
	// runner or aux to vrrp. After every new direct socket they say the state of all their sources anew.
	Track *track.State `json:",omitempty"`
	// runner to vrrp: all events up to Seq of the object were delivered or given up.
	Delivered *Delivered `json:",omitempty"`
	// runner to vrrp: what came of a Wall, or that somebody else has changed what one has done.
	Walled *Walled `json:",omitempty"`
}

// Gen names a generation of the configuration; the first is 1.
type Gen struct{ Gen uint64 }

// Prepare announces a new configuration; the descriptor that comes along is a sealed memfd with the Config as JSON. A role at
// its first start gets a second descriptor: vrrp the status page (see package status), the runner its journal. For aux it is, whenever
// processes are to be counted and it can be had, a socket on which the kernel tells of them. For the carrier the first is no Config but a
// transport.Config (SealedTransport).
type Prepare struct {
	Gen    uint64
	Reload bool // false only for the first configuration of a daemon's life: rules C5 and C8
	Resume bool // the role was restarted after a crash and may resume what the status page tells
	Detail int  // how many -D: log lines of more detail need not be sent
}

// Ready answers Prepare. Err is empty when everything could be opened.
type Ready struct {
	Gen uint64
	Err string
	// Exit is the code that the daemon ends with if this was its start: ExitConfig, ExitPermission; 0 is ExitFatal.
	Exit int `json:",omitempty"`
}

// Exit codes by which a role says that starting it again is useless (rule Q3). A Go program that crashes ends by SIGABRT
// in our roles, never with 2.
const (
	ExitFatal      = 1
	ExitConfig     = 2
	ExitPermission = 4
)

// Permanent is an error of a role's main function that ends the daemon with its code.
type Permanent struct {
	Code int
	Err  error
}

func (p *Permanent) Error() string { return p.Err.Error() }

// Unwrap gives the reason.
func (p *Permanent) Unwrap() error { return p.Err }

// Peer comes with one end of a fresh SEQPACKET pair; the other end goes to the named role.
type Peer struct{ Role Name }

// Listener is one socket that the supervisor has opened and keeps: a carrier that is started again gets the same one, so that nobody who
// dials meanwhile is refused.
type Listener struct {
	Gen    uint64
	Listen transport.Listen
}

// Resolved is what DNS names stand for by now. A name that nothing is known of is not among them.
type Resolved struct{ Addrs map[string][]netip.Addr }

// Open asks for a track_file of a configuration that is in force or being prepared, by its name, or for a named pipe by its path.
type Open struct {
	File string `json:",omitempty"`
	Pipe string `json:",omitempty"`
}

// Opened answers Open: with a descriptor, or with the reason why there is none.
type Opened struct {
	File string `json:",omitempty"`
	Pipe string `json:",omitempty"`
	Err  string `json:",omitempty"`
}

// Window comes with what the answers to questions are made of. Both memories are open for reading only.
type Window struct{ Version string }

// Last names what the runner cleans up behind the daemon if the supervisor and the vrrp role have died and it has not: what State lists, while
// it holds the daemon's lock.
type Last struct{ PID, State string }

// Stop asks a role to leave.
type Stop struct {
	Within time.Duration // after that the supervisor kills (child_wait_time)
	Keep   bool          // leave addresses, routes and rules where they are (-V)
}

// Stopped is a role's last word.
type Stopped struct{ Leftovers int }

// Signal is a signal number as it reached the supervisor.
type Signal struct{ Number int }

// Record begins or ends a recording of the elections.
type Record struct {
	Name  string // of the file, for the log
	Limit int    // octets; the recording ends there
}

// RecordLimit is how long a recording gets: about half a million events.
const RecordLimit = 64 << 20

// Recorded tells how much is in the file of a recording that has ended.
type Recorded struct{ Bytes int64 }

// Asked says that the role itself was sent a signal, as people do with keepalived's children.
type Asked struct{ Number int }

// Log is one line. Lines that did not fit into the socket's queue are counted and told with the next one that does.
type Log struct {
	Level   int // log/slog levels: -4 debug, 0 info, 4 warning, 8 error, 12 alert
	Text    string
	Attrs   map[string]string `json:",omitempty"`
	Detail  int               `json:",omitempty"` // 0 always, 1 only with -D, 2 only with -D -D
	At      int64             // CLOCK_REALTIME, nanoseconds
	Dropped uint64            `json:",omitempty"`
}

// MaxBars is how many addresses a Wall may have.
const MaxBars = 400

// Wall is a part of a change of a firewall, which is carried out when its last part has come. There is one change at a time; a part of another
// one ends what was not complete.
type Wall struct {
	ID   uint64
	Op   host.WallOp
	More bool // this is not the last part
}

// Parts splits an operation so that each fits into a message.
func Parts(id uint64, op *host.WallOp) (parts []Wall) {
	add, remove := op.Add, op.Remove
	for {
		p := Wall{ID: id, Op: host.WallOp{Do: op.Do, Wall: op.Wall}}
		n := min(len(add), MaxBars)
		p.Op.Add, add = add[:n:n], add[n:]
		m := min(len(remove), MaxBars-n)
		p.Op.Remove, remove = remove[:m:m], remove[m:]
		p.More = len(add)+len(remove) > 0
		if parts = append(parts, p); !p.More {
			return parts
		}
	}
}

// Walled answers the Wall with that number: Err is empty if it was carried out. Changed tells besides any answer that somebody else has
// changed what the latest Wall had done; ID is 0 then.
type Walled struct {
	ID      uint64
	Err     string `json:",omitempty"`
	Changed bool   `json:",omitempty"`
}

// Delivered tells how far the notification of one object has come.
type Delivered struct {
	Object notify.Object
	Name   string
	Seq    uint64
}
