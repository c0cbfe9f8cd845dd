package node

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast.dev/link"
	"holdfast.dev/vrrp"
)

// The kernel may forget which multicast groups we have joined ([link.Port.Rejoin]). Nobody is told, and a BACKUP that hears nothing any more
// takes over beside its master. So after any change of an interface, and every now and then, it is asked.
const (
	memberSoon  = 250 * time.Millisecond // after a change; a down time is hardly ever shorter
	memberEvery = 30 * time.Second
)

// memberTimer is when memberships are looked at next. Guarded by the keeper's mu.
type memberTimer struct {
	timer *time.Timer // nil while nobody needs it
	soon  bool
}

func (m *memberTimer) stop(work *sync.WaitGroup) {
	if m.timer != nil && m.timer.Stop() {
		work.Done()
	}
	m.timer = nil
}

// checkMembers looks at the memberships after a while, if a socket is wanted on that interface. It is called under mu and does not wait.
func (k *portKeeper) checkMembers(name string, after time.Duration) {
	m := &k.members
	if k.shut || m.timer != nil && (m.soon || after == memberEvery) || !k.isOpen(name) {
		return
	}
	m.stop(&k.work)
	m.soon = after == memberSoon
	k.work.Add(1)
	m.timer = time.AfterFunc(after, func() {
		defer k.work.Done()
		k.rejoin()
	})
}

// isOpen reports whether there are sockets on an interface. It is called under mu.
func (k *portKeeper) isOpen(name string) bool {
	for _, id := range portsOn(name) {
		if k.slots[id] != nil {
			return true
		}
	}
	return false
}

// portsOn are the ports that an interface can have.
func portsOn(name string) [3]vrrp.PortID {
	return [...]vrrp.PortID{{Link: name}, {Link: name, AH: true}, {Link: name, IPv6: true}}
}

// joined is a socket with what it had joined when the kernel was asked.
type joined struct {
	id     vrrp.PortID
	port   *link.Port
	groups []netip.Addr
}

// rejoin joins what the kernel has forgotten.
func (k *portKeeper) rejoin() {
	k.mu.Lock()
	k.members.timer = nil
	k.mu.Unlock()
	var list []joined
	for _, id := range k.ids() {
		if id.Link != "" {
			k.with(id, func(s *portSlot) { list = append(list, joined{id, s.port, slices.Clone(s.groups)}) })
		}
	}
	members, err := link.ReadMembers()
	for _, j := range list {
		if err == nil {
			k.with(j.id, func(s *portSlot) { k.rejoinAt(s, &j, members) })
		}
		k.mu.Lock()
		k.checkMembers(j.id.Link, memberEvery)
		k.mu.Unlock()
	}
}

// with calls f with the slot of a port.
func (k *portKeeper) with(id vrrp.PortID, f func(s *portSlot)) {
	s := k.enter(id)
	defer k.leave(id, s)
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (k *portKeeper) rejoinAt(s *portSlot, j *joined, members link.Members) {
	if s.port == nil || s.port != j.port {
		return
	}
	groups := slices.DeleteFunc(j.groups, func(g netip.Addr) bool { return !slices.Contains(s.groups, g) })
	// An error means that the interface does not speak the protocol at the moment. When it does again it has a new address, which is a change.
	lost, _ := s.port.Rejoin(members, groups)
	for _, g := range lost {
		k.report(fmt.Sprintf("%s was not a member of the multicast group %s any more, joined it again", j.id.Link, g))
	}
}
