package vrrp

import (
	"slices"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
)

// keeper holds the addresses, routes and rules of one owner against the kernel: what is wanted, what stands, and when to try again.
type keeper struct {
	owner     host.Owner
	items     []item
	promote   string // the link that is to promote secondary addresses, empty for none
	links     []virtual
	wall      host.Wall  // of Static: the firewall of all owners
	ended     bool       // the links are wanted no more than the addresses
	absent    []host.Key // to be deleted if present: left by an earlier run, or removed from the configuration
	leftovers []item     // the same of routes and rules
	dropped   []item     // removed from the configuration, and not known to be gone yet
	stuck     []item     // to be gone, and the kernel refused that
	wanted    bool
	gen       uint64
	dirty     bool // in engine.dirty
	confirmed bool // the kernel has answered the newest generation
	refused   bool // it refused every address: nothing of the owner stands
	failures  int  // how often in a row
	restAt    clock.Instant
	retry     clock.Instant // the earliest item.holdUntil, or restAt; cached
}

// item is one address of a keeper, or a route, or a rule.
type item struct {
	key       host.Key
	address   host.Address
	route     *host.Route // nil for all but a route
	rule      *host.Rule  // nil for all but a rule
	noTrack   bool
	extra     bool // announced with a period of its own (garp_extra_if)
	parted    bool // given up while the owner makes way
	standing  bool
	fresh     bool          // stands since the newest generation and is not announced yet
	holdUntil clock.Instant // not wanted before: it was taken away or refused a moment ago
	err       string        // why the kernel refused it
	tries     int           // refusals in a row
	losses    int           // how often it was taken away within a minute
	firstLoss clock.Instant
}

// virtual is one virtual link of a keeper.
type virtual struct {
	link      host.VirtualLink
	err       string // why the kernel refused it
	holdUntil clock.Instant
	tries     int // refusals in a row
}

// retryMax is the longest wait before the kernel is asked again for what it refused.
const retryMax = time.Minute

// want switches the whole owner on or off.
func (k *keeper) want(on bool) {
	k.wanted = on
	for i := range k.items {
		it := &k.items[i]
		it.standing, it.fresh, it.parted, it.holdUntil, it.err, it.tries = false, false, false, 0, "", 0
	}
	if on {
		k.stuck = slices.DeleteFunc(k.stuck, func(it item) bool { return k.find(it.key) != nil })
	}
	k.refresh()
}

// What configure changed.
const (
	keeperSame = iota
	keeperLess // addresses are gone, or are barred or not any more, or routes and rules changed
	keeperMore // there are new addresses
)

// configure replaces the items; those that stay keep what is known about them. It tells what changed.
func (k *keeper) configure(wanted []item, links []host.VirtualLink) (changed int) {
	old := make(map[host.Key]item, len(k.items))
	for _, it := range k.items {
		old[it.key] = it
	}
	items := make([]item, 0, len(wanted))
	seen := make(map[host.Key]bool, len(wanted))
	for i := range wanted {
		it := wanted[i]
		if seen[it.key] {
			continue // the kernel holds it once
		}
		seen[it.key] = true
		if was, ok := old[it.key]; ok && was.same(&it) {
			was.noTrack, was.extra = it.noTrack, it.extra
			if was.address.Barred != it.address.Barred { // nothing to announce, nothing to lose
				was.address.Barred = it.address.Barred
				changed = max(changed, keeperLess)
			}
			it = was
		} else if it.isEntry() {
			changed = max(changed, keeperLess)
		} else {
			changed = keeperMore
		}
		items = append(items, it)
	}
	for _, it := range k.items {
		if !seen[it.key] {
			changed = max(changed, keeperLess)
			k.dropped = append(k.dropped, it)
		}
	}
	if k.configureLinks(links) {
		changed = max(changed, keeperLess)
	}
	k.items = items
	k.refresh()
	return changed
}

// linkUp forgets refusals that had to do with the link's absence.
func (k *keeper) linkUp(link string) {
	for i := range k.items {
		if it := &k.items[i]; it.err != "" && it.uses(link) {
			it.holdUntil, it.tries = 0, 0
			k.refused, k.restAt, k.failures = false, 0, 0
		}
	}
	k.refresh()
}

// forgive ends the rest after all addresses were refused: there is a link now that they may have lacked.
func (k *keeper) forgive() {
	if k.refused {
		k.refused, k.restAt, k.failures = false, 0, 0
		k.refresh()
	}
}

// desired is what the kernel should hold at now.
func (k *keeper) desired(now clock.Instant) host.State {
	st := host.State{Absent: k.absent, Links: k.desiredLinks()}
	if k.promote != "" {
		st.Promote = []string{k.promote}
	}
	for _, list := range [...][]item{k.leftovers, k.stuck} {
		for i := range list {
			if list[i].holdUntil <= now {
				list[i].strike(&st)
			}
		}
	}
	if !k.wanted {
		return st
	}
	st.Wall = k.wall
	for i := range k.items {
		if it := &k.items[i]; it.holdUntil <= now && !it.parted {
			it.add(&st)
		}
	}
	return st
}

// refresh works out when the keeper must be looked at again.
func (k *keeper) refresh() {
	k.retry = k.restAt
	for i := range k.stuck {
		k.retry = clock.Min(k.retry, k.stuck[i].holdUntil)
	}
	for i := range k.links {
		k.retry = clock.Min(k.retry, k.links[i].holdUntil)
	}
	if !k.wanted {
		return
	}
	for i := range k.items {
		k.retry = clock.Min(k.retry, k.items[i].holdUntil)
	}
}

func (k *keeper) retryAt() clock.Instant { return k.retry }

// settled reports whether nothing is outstanding at the kernel.
func (k *keeper) settled() bool { return k.gen == 0 || k.confirmed }

// clean reports whether, besides, the kernel has refused to delete nothing that it still holds.
func (k *keeper) clean() bool { return k.settled() && len(k.stuck) == 0 }

// missing reports whether something that is wanted does not stand.
func (k *keeper) missing() bool {
	if !k.wanted {
		return false
	}
	for i := range k.items {
		if !k.items[i].standing {
			return true
		}
	}
	return false
}

// barred reports whether packets to its addresses are dropped.
func (k *keeper) barred() bool {
	return len(k.items) > 0 && k.items[0].address.Barred // all or none
}

func (k *keeper) find(key host.Key) *item {
	for i := range k.items {
		if k.items[i].key == key {
			return &k.items[i]
		}
	}
	return nil
}

// applied takes in the kernel's answer. It reports whether items are fresh.
func (k *keeper) applied(a *host.Applied, now clock.Instant) (fresh bool) {
	if a.Gen != k.gen {
		return false // of a state that is wanted no more; the answer to the newest is on its way
	}
	index := k.index(len(a.Results))
	for i := range a.Results {
		res := &a.Results[i]
		if res.Key.IsLink() {
			k.appliedLink(res, now)
			continue
		}
		it := index(res.Key)
		if it == nil || !k.wanted {
			continue
		}
		if res.Err != "" {
			it.refuse(res.Err, now)
			continue
		}
		if !it.standing {
			it.standing, it.fresh = true, !it.isEntry()
			fresh = fresh || it.fresh
		}
		it.err, it.tries, it.holdUntil = "", 0, 0 // to want it later would be to delete it now
	}
	if a.Final {
		k.confirmed, k.absent, k.leftovers = true, nil, nil
		k.cleared()
		k.judge(now)
	}
	k.refresh()
	return fresh
}

// index returns a look-up of items by key, by map if it is asked often enough.
func (k *keeper) index(times int) func(host.Key) *item {
	if times*len(k.items) < 256 {
		return k.find
	}
	m := make(map[host.Key]*item, len(k.items))
	for i := range k.items {
		m[k.items[i].key] = &k.items[i]
	}
	return func(key host.Key) *item { return m[key] }
}

func (it *item) refuse(err string, now clock.Instant) {
	it.standing, it.fresh, it.err = false, false, err
	it.holdUntil = now.Add(backoff(it.tries, time.Second, retryMax))
	it.tries++
}

// judge decides whether the owner can do its job: not if the kernel refused every single address.
func (k *keeper) judge(now clock.Instant) {
	refused := k.wanted && len(k.items) > 0 && !k.items[0].isEntry() // addresses come first
	for i := range k.items {
		it := &k.items[i]
		refused = refused && (it.isEntry() || !it.standing && it.err != "")
	}
	if !refused {
		if k.wanted {
			k.failures = 0
		}
		return
	}
	k.refused = true
	k.restAt = now.Add(backoff(k.failures, 5*time.Second, retryMax))
	k.failures++
}

// backoff is first, doubled n times, at most limit.
func backoff(n int, first, limit time.Duration) time.Duration {
	for ; n > 0 && first < limit; n-- {
		first *= 2
	}
	return min(first, limit)
}

// retry lets what was held back be wanted again.
func (r *Router) retry() {
	k := &r.keeper
	if k.releaseLinks(r.engine.now.Mono) {
		r.linkFault = ""
		r.engine.touch(k)
		r.engine.reassess([]*Router{r}, WhyRecovered)
	}
	if k.rested(r.engine.now.Mono) {
		r.engine.reassess([]*Router{r}, WhyRecovered)
		return
	}
	if k.release(r.engine.now.Mono) {
		r.engine.touch(k)
	}
}

// rested ends the rest after all addresses were refused, and reports whether there was one that is over.
func (k *keeper) rested(now clock.Instant) bool {
	if k.restAt == 0 || now < k.restAt {
		return false
	}
	k.restAt, k.refused = 0, false
	k.refresh()
	return true
}

// release lets go of the items whose time has come, and reports whether there were any that are wanted.
func (k *keeper) release(now clock.Instant) bool {
	released := false
	for i := range k.items {
		if it := &k.items[i]; it.holdUntil != 0 && it.holdUntil <= now {
			it.holdUntil, released = 0, true
		}
	}
	released = released && k.wanted
	for i := range k.stuck {
		if it := &k.stuck[i]; it.holdUntil != 0 && it.holdUntil <= now {
			it.holdUntil, released = 0, true
		}
	}
	k.refresh()
	return released
}

func (e *Engine) applied(a *host.Applied) {
	if a.Owner == host.Static {
		news := e.static.unremovedOf(a, e.now.Mono)
		e.static.applied(a, e.now.Mono)
		e.complainStatic(news)
		if len(e.index.onStatic) > 0 {
			e.reassess(e.index.onStatic, WhyRecovered)
		}
		return
	}
	r := e.owners[a.Owner]
	if r == nil {
		return
	}
	r.applied(a)
	r.retire()
}

func (r *Router) applied(a *host.Applied) {
	k := &r.keeper
	news := k.unremovedOf(a, r.engine.now.Mono)
	fresh := k.applied(a, r.engine.now.Mono)
	if a.Gen != k.gen {
		return
	}
	for i := range a.Results {
		if res := &a.Results[i]; res.Err != "" && k.wanted && !res.Key.IsLink() {
			r.report(Warning, 0, "cannot set %s: %s", name(res.Key), res.Err)
		}
	}
	for i := range news {
		r.report(Warning, 0, "cannot remove %s: %s, trying again", name(news[i].Key), news[i].Err)
	}
	if why := k.linkFault(); why != r.linkFault {
		r.linkFault = why
		r.engine.reassess([]*Router{r}, WhyRecovered)
	}
	if fresh && r.state == Master {
		r.announceFresh()
	}
	if a.Final {
		r.confirmedAt = r.engine.now.Mono
		if !r.announcing() {
			r.flushTold() // else after the first announcements (rule H2)
			r.acknowledge()
		}
		if k.refused && r.state == Master {
			r.engine.reassess([]*Router{r}, WhyFault)
		}
	}
	r.changed()
	r.arm()
}

func (e *Engine) complainStatic(unremoved []host.Result) {
	for i := range e.static.items {
		if it := &e.static.items[i]; it.err != "" && it.tries == 1 {
			e.report(Warning, 0, "cannot set static %s: %s", kind(it.key), it.err)
		}
	}
	for i := range unremoved {
		if key := unremoved[i].Key; key.IsWall() {
			e.report(Warning, 0, "cannot change the %s: %s, trying again", key.Entry, unremoved[i].Err)
			continue
		}
		e.report(Warning, 0, "cannot remove static %s: %s, trying again", kind(unremoved[i].Key), unremoved[i].Err)
	}
}
