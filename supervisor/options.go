// Package supervisor is the process that reads the configuration and starts, watches and restarts the roles: the one that
// holds no election, opens no socket to the network and is never real-time, so that whatever happens to a role there is
// somebody who notices.
//
// There is one path by which a configuration comes into force, at start and at reload alike: Prepare in all roles, then
// Commit in all, or Abort in all.
package supervisor

import (
	"os"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/internal/syslog"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
)

// Options are what the command line says (cli.tsv).
type Options struct {
	Called  string   // the name that the program was called by: "keepalived" or "holdfast"
	Args    []string // the whole command line; roles show the same one, as keepalived's children do
	Version string   // our own

	ConfigFile string
	OnlyVRRP   bool // -P
	NoBFD      bool // -B
	All        bool // --all
	Detail     int  // -D
	Console    bool // -l
	Facility   syslog.Facility
	LogFile    string // -g; empty for none
	NoSyslog   bool   // -G
	SyslogPath string // default /dev/log
	Umask      int    // -u; -1 is the default, 0177
	Keep       bool   // -V
	NoRespawn  bool   // -R
	Foreground bool   // -n
	DumpConf   bool   // -d
	PIDFile    string // -p
	VRRPPID    string // -r
	Namespace  string // -s
	Core       bool   // -m, -M
	CorePath   string // -M
	IgnoreINT  bool   // --ignore-sigint
	Single     bool   // --single-process
	Open       bool   // --no-jail: roles may open files and make any system call

	// Trace is the file to which all processes of the vrrp role record their elections; empty for none until somebody asks for it.
	Trace string

	Window    bool // serve the socket on which the daemon can be asked how it is
	WindowGID int  // the group that may ask beside root; 0 for none

	Unprivileged *sched.User // who the aux role becomes; nil where we are not root ourselves

	RunDir string // default /run
	Reap   bool   // adopt and bury orphans: for a process that starts nothing by other ways
	Timing Timing
}

// Hooks are what the supervisor does not know by itself.
type Hooks struct {
	// Load reads the configuration. With blind nothing is known about interfaces: that is how the namespace is found out
	// in which they are to be looked for.
	Load func(blind bool) config.Result
	// Events asks the kernel to tell of processes, for a configuration that counts some. Nil is as if it could not.
	Events func(c *config.Config) (*os.File, error)
	// Mains are the main functions of the roles.
	Mains map[role.Name]Main
	// Record notes in the file at path what now and next (nil for none) may put into the kernel, before next comes into
	// force. Nil does nothing.
	Record func(path string, now, next *config.Config) error
	// Drop removes what old may have put into the kernel and next does not name: a role that ran old died, and the one that
	// takes its place is given next. Nil does nothing.
	Drop func(old, next *config.Config) error
	// Sweep removes what the file at path and c (nil for none) name from the kernel, and then the file. It names what was there. Nil does
	// nothing.
	Sweep func(path string, c *config.Config) (removed []string, err error)
	// Program runs a program that the configuration names, and waits for its end, its time limit or stop (nil for never). It returns
	// why it was no success. Nil runs none.
	Program func(c *config.Command, within time.Duration, stop <-chan struct{}) error
	// Firewall finds out how a configuration's firewall is kept here, notes that in it, and returns what there is to say about it. Nil
	// leaves it at nftables.
	Firewall func(c *config.Config) (said []string)
	// Forget removes the file at path. Nil does nothing.
	Forget func(path string) error
}

// Main is the main function of a role: it obeys the connection until it is told to stop or the connection ends. The
// error is logged; a role.Permanent one ends the daemon, any other lets the role be started again.
type Main func(ctl *role.Conn) error

// Timing has the limits of everything that is waited for. Zero fields are the defaults.
type Timing struct {
	Prepare time.Duration   // from Prepare to Ready; default 60 s
	Commit  time.Duration   // from Commit to Done; default 10 s
	Tick    time.Duration   // between two looks at a heartbeat; default 1 s
	Still   int             // ticks without a heartbeat until a role counts as hung; default 10
	Die     time.Duration   // from SIGABRT, which makes a hung role tell where it hangs, to SIGKILL; default 2 s
	Delays  []time.Duration // between a death and the restart; default rule Q4
	Grace   time.Duration   // what the runner gets at least for the last notifications, after the vrrp role has ended; default 1 s
	Healthy time.Duration   // a role that lived as long starts with the first delay again; default 60 s
}

func (t Timing) withDefaults() Timing {
	set := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	set(&t.Prepare, 60*time.Second)
	set(&t.Commit, 10*time.Second)
	set(&t.Tick, time.Second)
	set(&t.Die, 2*time.Second)
	set(&t.Grace, time.Second)
	set(&t.Healthy, 60*time.Second)
	if t.Still <= 0 {
		t.Still = 10
	}
	if len(t.Delays) == 0 {
		for _, s := range []int{0, 1, 2, 4, 8, 16, 32, 60} {
			t.Delays = append(t.Delays, time.Duration(s)*time.Second)
		}
	}
	return t
}

// KeepalivedVersion is the version of keepalived whose behaviour and files we follow.
const KeepalivedVersion = "2.4.3"

// Title is the program's name and version as log lines have it.
func (o *Options) Title() string {
	return "Keepalived v" + KeepalivedVersion + " (holdfast " + o.Version + ")"
}
