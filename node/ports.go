package node

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/link"
	"holdfast.dev/vrrp"
)

// portKeeper opens and closes the sockets of the election thread. Joining a group and closing a member's socket wait for a
// lock of the kernel's that anybody may hold, so none of it happens on that thread: the keeper hands finished sockets over.
//
// It is level-triggered: whoever changes what is wanted or what is known of interfaces does so under mu, and then settles the
// ports that it concerns. A port is settled by one goroutine at a time and others are not held up by it.
type portKeeper struct {
	post   func(portChange) // to the election thread
	report func(text string)

	mu         sync.Mutex // nothing that may wait for the kernel is done under it
	want, next *portSet   // in force; prepared, nil for none
	hold       *portSet   // needed by routers that are not in force any more, nil for none
	links      map[string]linkFacts
	slots      map[vrrp.PortID]*portSlot
	sockets    map[*link.Port]bool    // all that are not closed yet
	told       map[vrrp.PortID]string // what was last complained about
	retry      *time.Timer
	members    memberTimer
	shut       bool
	work       sync.WaitGroup // goroutines that close or try again
}

// portSet is what one configuration needs.
type portSet struct {
	ports  map[vrrp.PortID]vrrp.Port
	vrfs   bool // some of them are in a VRF
	all    bool // let adverts for unknown VRIDs pass
	rcvbuf bufferSize
}

type linkFacts struct{ index, mtu int }

// portSlot is one port that is or was wanted.
type portSlot struct {
	users int // goroutines that are at it or wait for it; guarded by the keeper's mu

	mu     sync.Mutex // held while the socket is opened, changed or given up
	port   *link.Port // nil while there is none
	groups []netip.Addr
	goal   portGoal // what it was last settled to
}

// portGoal is what a port should be.
type portGoal struct {
	index  int
	groups []netip.Addr
	vrids  *link.VRIDSet // nil for all
	rcvbuf int
}

// portChange gives the election thread the socket of a port, or takes it away (nil). The thread gives every socket that it no longer
// uses back to the keeper (Close).
type portChange struct {
	ID   vrrp.PortID
	Port *link.Port
}

// retryAfter is how long what could not be opened is left alone.
const retryAfter = time.Second

func newPortKeeper(post func(portChange), report func(string)) *portKeeper {
	return &portKeeper{
		post: post, report: report, want: &portSet{}, links: map[string]linkFacts{},
		slots: map[vrrp.PortID]*portSlot{}, sockets: map[*link.Port]bool{}, told: map[vrrp.PortID]string{},
	}
}

// Prepare opens what the configuration needs and can be opened now. An interface that does not exist is no error: its port is
// opened when it appears. Nothing is taken away, so that what runs notices nothing. After an error the caller aborts.
func (k *portKeeper) Prepare(c *vrrp.Config, size bufferSize) error {
	next := newPortSet(c.Ports(), size)
	next.all = c.LogUnknownVRIDs
	k.mu.Lock()
	before := k.next
	k.next = next
	k.mu.Unlock()
	if before != nil { // prepared and neither committed nor aborted
		k.settleAll()
	}
	for id := range next.ports {
		if err := k.settle(id); err != nil && !vanished(err) {
			return err
		}
	}
	return nil
}

// vanished reports whether a socket could not be opened because the interface is not there any more, or does not speak the
// protocol family at the moment. It is tried again.
func vanished(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EADDRNOTAVAIL)
}

// Commit makes the prepared configuration the one in force. Ports that neither it nor the routers that are leaving need are closed; the rest
// is narrowed to it. What it keeps for those that are leaving is returned, for Release; nil for nothing.
func (k *portKeeper) Commit(leaving []vrrp.Port) (held *portSet) {
	k.mu.Lock()
	if k.next != nil {
		k.want, k.next = k.next, nil
	}
	k.hold = nil
	if len(leaving) > 0 {
		k.hold = newPortSet(leaving, func(*vrrp.Port, int) int { return 0 })
	}
	held = k.hold
	k.mu.Unlock()
	k.settleAll()
	return held
}

// Release gives up what Commit kept for routers that were leaving, unless another Commit has replaced it. It does not wait.
func (k *portKeeper) Release(held *portSet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hold != held {
		return
	}
	k.hold = nil
	if !k.shut {
		k.work.Go(k.settleAll)
	}
}

func newPortSet(ports []vrrp.Port, size bufferSize) *portSet {
	s := &portSet{ports: make(map[vrrp.PortID]vrrp.Port, len(ports)), rcvbuf: size}
	for _, p := range ports {
		s.ports[p.ID] = p
		s.vrfs = s.vrfs || p.ID.VRF != ""
	}
	return s
}

// Abort forgets the prepared configuration and takes back what was opened, joined or let in for it alone.
func (k *portKeeper) Abort() {
	k.mu.Lock()
	k.next = nil
	k.mu.Unlock()
	k.settleAll()
}

// Link says that an interface exists, with its index and MTU, or exists no more (index 0).
func (k *portKeeper) Link(name string, index, mtu int) {
	k.mu.Lock()
	if k.shut || k.links[name].index == index {
		k.checkMembers(name, memberSoon)
		k.mu.Unlock()
		return
	}
	if index == 0 {
		delete(k.links, name)
	} else {
		k.links[name] = linkFacts{index, mtu}
	}
	k.mu.Unlock()
	for _, id := range portsOn(name) {
		if k.concerns(id) {
			k.attend(id)
		}
	}
	for _, id := range k.inVRF(name) {
		k.attend(id)
	}
}

// inVRF lists the ports that are in a VRF.
func (k *portKeeper) inVRF(name string) (ids []vrrp.PortID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, set := range k.sets() {
		if set == nil || !set.vrfs {
			continue
		}
		for id := range set.ports {
			if id.VRF == name && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// concerns reports whether the port is wanted or may be open.
func (k *portKeeper) concerns(id vrrp.PortID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, set := range k.sets() {
		if set != nil {
			if _, ok := set.ports[id]; ok {
				return true
			}
		}
	}
	return k.slots[id] != nil
}

func (k *portKeeper) sets() [3]*portSet { return [...]*portSet{k.want, k.next, k.hold} }

// ids lists all ports that are wanted, or have been and may be open.
func (k *portKeeper) ids() []vrrp.PortID {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := map[vrrp.PortID]bool{}
	for id := range k.slots {
		seen[id] = true
	}
	for _, set := range k.sets() {
		if set != nil {
			for id := range set.ports {
				seen[id] = true
			}
		}
	}
	ids := make([]vrrp.PortID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

func (k *portKeeper) settleAll() {
	for _, id := range k.ids() {
		k.attend(id)
	}
}

// attend settles a port, and complains and tries again later if that fails.
func (k *portKeeper) attend(id vrrp.PortID) {
	err := k.settle(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		delete(k.told, id)
		return
	}
	if k.shut {
		return
	}
	if text := err.Error(); k.told[id] != text {
		k.told[id] = text
		k.report(text)
	}
	k.later()
}

// later settles everything again after a while.
func (k *portKeeper) later() {
	if k.retry != nil || k.shut {
		return
	}
	k.work.Add(1)
	k.retry = time.AfterFunc(retryAfter, func() {
		defer k.work.Done()
		k.mu.Lock()
		k.retry = nil
		k.mu.Unlock()
		k.settleAll()
	})
}

// settle brings one port to what is wanted now.
func (k *portKeeper) settle(id vrrp.PortID) error {
	s := k.enter(id)
	defer k.leave(id, s)
	s.mu.Lock()
	defer s.mu.Unlock()
	goal, wanted := k.goal(id)
	if s.port != nil && (!wanted || s.goal.index != goal.index) {
		s.port = nil // the socket is closed when the election thread has let it go
		k.post(portChange{ID: id})
	}
	switch {
	case !wanted:
		return nil
	case s.port == nil:
		return k.open(id, s, goal)
	}
	return s.adjust(goal)
}

func (k *portKeeper) enter(id vrrp.PortID) *portSlot {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.slots[id]
	if s == nil {
		s = &portSlot{}
		k.slots[id] = s
	}
	s.users++
	return s
}

func (k *portKeeper) leave(id vrrp.PortID, s *portSlot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.users--; s.users == 0 && s.port == nil {
		delete(k.slots, id)
	}
}

// goal is what a port should be: all that the configuration in force needs, and all that the prepared one needs.
func (k *portKeeper) goal(id vrrp.PortID) (g portGoal, wanted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	lk, exists := k.links[id.Device()]
	if k.shut || id.Device() != "" && !exists {
		return g, false
	}
	g.index, g.vrids = lk.index, &link.VRIDSet{}
	for _, set := range k.sets() {
		if set == nil {
			continue
		}
		p, ok := set.ports[id]
		if !ok {
			continue
		}
		wanted = true
		g.rcvbuf = max(g.rcvbuf, set.rcvbuf(&p, lk.mtu))
		for _, group := range p.Groups {
			if !slices.Contains(g.groups, group) {
				g.groups = append(g.groups, group)
			}
		}
		switch {
		case set.all:
			g.vrids = nil
		case g.vrids != nil:
			for v := range p.VRIDs {
				g.vrids.Add(v)
			}
		}
	}
	return g, wanted
}

func (k *portKeeper) open(id vrrp.PortID, s *portSlot, goal portGoal) error {
	spec := link.Spec{
		Link: id.Link, Index: goal.index, Family: 4, AH: id.AH, Local: id.Local, VRF: id.VRF,
		Groups: goal.groups, RcvBuf: goal.rcvbuf, VRIDs: goal.vrids,
	}
	if id.IPv6 {
		spec.Family = 6
	}
	port, err := link.Open(spec)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.sockets[port] = true
	k.mu.Unlock()
	s.port, s.groups, s.goal = port, slices.Clone(goal.groups), goal
	k.post(portChange{ID: id, Port: port})
	k.mu.Lock()
	k.checkMembers(id.Link, memberEvery)
	k.mu.Unlock()
	return nil
}

// adjust changes an open socket. What is joined and let in more comes first.
func (s *portSlot) adjust(goal portGoal) error {
	var errs []error
	for _, g := range goal.groups {
		if slices.Contains(s.groups, g) {
			continue
		}
		if err := s.port.Join(g); err != nil {
			return err
		}
		s.groups = append(s.groups, g)
	}
	if goal.rcvbuf > s.goal.rcvbuf {
		if err := s.port.SetRcvBuf(goal.rcvbuf); err != nil {
			return err
		}
		s.goal.rcvbuf = goal.rcvbuf
	}
	if !sameVRIDs(goal.vrids, s.goal.vrids) {
		if err := s.port.SetVRIDs(goal.vrids); err != nil {
			return err
		}
		s.goal.vrids = goal.vrids
	}
	s.groups = slices.DeleteFunc(s.groups, func(g netip.Addr) bool {
		if slices.Contains(goal.groups, g) {
			return false
		}
		err := s.port.Leave(g)
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(errs...)
}

func sameVRIDs(a, b *link.VRIDSet) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// Close ends a socket that the election thread has let go. It does not wait.
func (k *portKeeper) Close(p *link.Port) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sockets[p] {
		delete(k.sockets, p)
		k.work.Go(func() { closeInTurn(p) })
	}
}

// closing bounds how many threads wait for the kernel to close a socket, which takes it milliseconds: a reload may end hundreds at once,
// and the runtime gives up the process when there can't be as many threads.
var closing = make(chan struct{}, 4)

// closeInTurn waits until the kernel has closed a socket. There is nothing to be done about one that can't be closed.
func closeInTurn(p io.Closer) {
	closing <- struct{}{}
	defer func() { <-closing }()
	_ = p.Close()
}

// Broken ends a socket that the election thread can't use, and sees to another one. It does not wait.
func (k *portKeeper) Broken(id vrrp.PortID, p *link.Port) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut {
		return
	}
	k.work.Go(func() {
		s := k.enter(id)
		s.mu.Lock()
		if s.port == p {
			s.port = nil
		}
		s.mu.Unlock()
		k.leave(id, s)
		k.Close(p)
		k.mu.Lock()
		k.later()
		k.mu.Unlock()
	})
}

// Shut ends the keeper and closes all sockets. The election thread and whoever calls Link must have ended.
func (k *portKeeper) Shut() {
	k.mu.Lock()
	k.shut = true
	if k.retry != nil && k.retry.Stop() {
		k.work.Done()
	}
	k.members.stop(&k.work)
	k.mu.Unlock()
	k.work.Wait()
	for p := range k.sockets {
		_ = p.Close()
	}
	clear(k.sockets)
}
