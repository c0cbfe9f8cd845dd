package vrrp

import (
	"net/netip"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp/wire"
)

// Router is one virtual router. Its state changes in the become functions of this file and nowhere else.
type Router struct {
	engine *Engine
	owner  host.Owner
	spec   *Spec
	group  *group
	keeper keeper

	state      State
	health     health
	want       bool // a member of a sync group whose own down time has passed, and that waits for the others
	priority   uint8
	lowered    bool   // an owner that gave way to another one (rule E8)
	unsendable string // what is wrong with the adverts that the configuration asks for
	source     netip.Addr
	template   wire.Template
	groupSum   bool // the old form of the unicast checksum was heard, so it is sent too (rule F4)
	carried    int  // number of addresses in adverts
	expect     wire.Expect
	options    wire.Options
	ah         *ahState   // nil without authentication by AH
	hmac       *hmacState // nil without auth_hmac

	master         netip.Addr // whom we take for the master; our own address while we are
	masterPriority uint8
	masterInterval time.Duration      // learnt in version 3 (rule B3)
	speakers       *[Speakers]Speaker // nil for none so far; see hears
	heard          clock.Instant      // the last advert that restarted the down timer
	outranked      clock.Instant      // the last advert of a master that we are about to preempt

	advertAt  clock.Instant // MASTER: the next advert
	downAt    clock.Instant // BACKUP: the master counts as down
	preemptAt clock.Instant // BACKUP: end of the preemption delay
	burstAt   clock.Instant // MASTER: the second burst of announcements
	lowerAt   clock.Instant // MASTER: the second burst after a lower-priority advert
	refreshAt clock.Instant // MASTER: the next refresh
	extraAt   clock.Instant // MASTER: the next refresh of what stands on other links
	leaveAt   clock.Instant // making way: what is left of the addresses goes
	troubleAt clock.Instant // the first trouble may be over
	quietAt   clock.Instant // the addresses are no longer contested, if nobody takes one until then
	advert    timer
	timer     timer

	all         job // the burst over all addresses
	extra       job // that over those on other links
	unannounced int // bursts over newly confirmed addresses whose first round is not over

	lastSent    clock.Now
	ipID        uint16
	answeredAt  clock.Instant // beginning of the interval that answers counts
	answers     int
	putOff      bool          // the take-over was put off already
	released    bool          // the master said goodbye
	overflowed  clock.Instant // the kernel dropped packets for us
	rivalSince  clock.Instant // MASTER and owner: another owner is heard (rule E8)
	rivalLast   clock.Instant
	rivalGoneAt clock.Instant // MASTER: whoever else speaks for the addresses is gone if it is silent until then
	againAt     clock.Instant // MASTER: the addresses are announced anew, because of againWhy
	quietUntil  clock.Instant // they are not before
	againWhy    string
	lowerTold   clock.Instant // MASTER: the last MASTER_RX_LOWER_PRI
	complained  uint64
	sendErr     string
	linkFault   string // what is wrong with the virtual links
	contested   bool   // somebody keeps taking our addresses away

	views    []peerView    // of routers whose adverts are carried, as in spec.Peers
	reportAt clock.Instant // the peers are told how it is
	died     bool          // the master's daemon is dead: it takes over without waiting for silence
	handed   bool          // the master, which says goodbye, has named us its heir
	former   netip.Addr    // the master that has said goodbye, until it is told that we have the addresses

	leave  *handover // it makes way and still has addresses
	claims int       // addresses that were claimed in this Step

	told                     *notify.Event // a notification that waits for the kernel's confirmation
	toldBy                   clock.Instant
	confirmedAt, announcedAt clock.Instant // of what it announces
	toldLast                 string
	since                    clock.Now
	cause                    Cause
	stats                    Stats
	refusal                  Refusal    // the last one
	seen                     *sightings // of trouble; nil for none
	isDirty                  bool       // in engine.touched
	removed                  bool       // from the configuration, waiting for the kernel to confirm
	gen                      uint64     // the generation that configured it
}

// becomeMaster takes the addresses: the advert first (rule E11), then the desired state; announcements follow the kernel's
// confirmation.
func (r *Router) becomeMaster(c Cause) {
	e := r.engine
	if r.leave != nil {
		r.stay() // nobody came
	}
	r.send(r.priority)
	r.enter(Master, c)
	r.report(Info, 0, "Entering MASTER STATE")
	if r.keeper.barred() {
		r.report(Info, 0, "packets to the addresses are not accepted (no_accept, or strict mode without accept)")
	}
	r.stats.BecomeMaster++
	r.master, r.masterPriority, r.masterInterval = r.source, r.priority, r.spec.Interval
	r.heard, r.downAt, r.lowerTold = 0, 0, 0
	r.advertAt = e.now.Mono.Add(r.spec.Interval)
	r.burstAt, r.refreshAt = 0, 0
	if d := r.spec.Garp.Delay; d > 0 {
		r.burstAt = e.now.Mono.Add(d)
	}
	if d := r.spec.Garp.Refresh; d > 0 {
		r.refreshAt = e.now.Mono.Add(d)
	}
	r.extraAt = 0
	if d := r.spec.Garp.Extra; d > 0 {
		r.extraAt = e.now.Mono.Add(d)
	}
	r.keeper.want(true)
	e.touch(&r.keeper)
	r.tellLater(notify.Master)
	r.arm()
}

// becomeBackup listens for the given time before it takes over.
func (r *Router) becomeBackup(c Cause, wait time.Duration) {
	from := r.state
	if from == Init {
		r.report(Info, 0, "Entering BACKUP STATE (init)")
	} else {
		r.report(Info, 0, "Entering BACKUP STATE")
	}
	r.drop(from)
	r.enter(Backup, c)
	r.listen(wait)
	r.tell(notify.Backup)
	r.arm()
}

// becomeFault stops taking part until everything works again.
func (r *Router) becomeFault(c Cause) {
	if r.leave != nil {
		r.leave.end("fault: the addresses are given up")
	}
	from := r.state
	if c.Text != "" {
		r.report(Info, 0, "entering FAULT state (%s)", c.Text)
	}
	if from == Init {
		r.report(Info, 0, "Entering FAULT STATE (init)")
	} else {
		r.report(Info, 0, "Entering FAULT STATE")
	}
	if from == Master {
		r.goodbye() // rule H3; it may well fail, when it is the link that failed
	}
	r.drop(from)
	r.enter(Fault, c)
	r.downAt, r.heard = 0, 0
	r.masterInterval = r.spec.Interval // rule H7
	r.tell(notify.Fault)
	r.arm()
}

// becomeSilent is the first state of an address owner: it listens without saying so, for no longer than it must (rule C1).
func (r *Router) becomeSilent(c Cause) {
	wait := time.Duration(0)
	if r.engine.delayEnd != 0 {
		wait = r.spec.Interval // rule B8
	}
	r.enter(Backup, c)
	r.listen(wait)
	if r.toldLast != "" {
		r.tell(notify.Backup) // an earlier process told that it is MASTER
	}
	r.arm()
}

// becomeInit begins anew, as another virtual router of the same name. A MASTER has stepped down before.
func (r *Router) becomeInit() {
	r.state, r.since = Init, r.engine.now
	r.untroubled()
	r.downAt, r.heard, r.masterInterval = 0, 0, 0
	r.lowered = false
	r.master, r.source = netip.Addr{}, netip.Addr{}
	r.forgetSequences()
}

// becomeStopped ends the router: after Stop, or when it is no longer configured.
func (r *Router) becomeStopped(c Cause, keep bool) {
	from := r.state
	if from == Master {
		r.goodbye()
	}
	if keep {
		r.hush()
	} else {
		r.drop(from)
		r.unpromote()
		r.endLinks()
	}
	r.downAt, r.quietAt, r.reportAt = 0, 0, 0
	r.untroubled()
	if from != Init {
		r.enter(Init, c)
	}
	r.arm()
}

// enter is what all transitions have in common.
func (r *Router) enter(s State, c Cause) {
	from := r.state
	r.partsWith()
	if from == Master {
		r.endMasters()
	}
	r.state, r.cause, r.since = s, c, r.engine.now
	if s != Master {
		r.former = netip.Addr{}
	}
	r.want, r.putOff, r.released, r.died, r.handed = false, false, false, false, false
	r.reportSoon()
	r.preemptAt, r.rivalSince, r.outranked, r.complained = 0, 0, 0, 0
	r.quietUntil = 0
	r.engine.do(&Transition{
		Owner: r.owner, Name: r.spec.Name, From: from, To: s, Cause: c, Priority: r.priority, At: r.engine.now,
	})
	r.changed()
}

// hush ends what only a MASTER says.
func (r *Router) hush() {
	r.advertAt, r.burstAt, r.lowerAt, r.refreshAt, r.extraAt, r.rivalGoneAt, r.againAt = 0, 0, 0, 0, 0, 0, 0
}

// drop gives up what a MASTER has.
func (r *Router) drop(from State) {
	r.hush()
	if from == Master {
		r.stats.ReleaseMaster++
		if r.master == r.source {
			r.master, r.masterPriority = netip.Addr{}, 0 // until another one is heard
		}
	}
	if !r.keeper.wanted {
		return
	}
	if r.leave == nil {
		r.keeper.want(false)
	}
	r.engine.touch(&r.keeper) // making way, nothing is added any more
}

// stepDown gives the others a chance: priority 0, then BACKUP for the given time.
func (r *Router) stepDown(c Cause, wait time.Duration) {
	r.goodbye()
	r.becomeBackup(c, wait)
}

// start leaves INIT or FAULT, now that nothing stands against it.
func (r *Router) start(c Cause) {
	if r.state == Init && r.wantsMaster() {
		r.becomeSilent(c)
		return
	}
	recovered := r.state == Fault
	r.becomeBackup(c, r.firstTime())
	if recovered && r.spec.Unicast() && r.engine.delayEnd == 0 {
		r.announceSource()
	}
}

// wantsMaster reports whether the router begins as MASTER: an address owner that is configured so, and all of its group (rules C1, I5).
func (r *Router) wantsMaster() bool {
	if r.group == nil {
		return r.spec.Owner() && r.spec.StateMaster
	}
	for _, m := range r.group.members {
		if !m.spec.Owner() || !m.spec.StateMaster {
			return false
		}
	}
	return true
}
