package node

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"holdfast.dev/link"
	"holdfast.dev/vrrp"
)

// portKeeper opens and closes the sockets of the election thread. Joining a group and closing a member's socket wait for a
// lock of the kernel's that anybody may hold, so none of it happens on that thread: the keeper hands finished sockets over.
type portKeeper struct {
	post   func(portChange) // to the election thread
	report func(text string)
	rcvbuf func(routers int) int // bytes; 0 leaves the system's

	mu    sync.Mutex
	want  map[vrrp.PortID]vrrp.Port // in force
	next  map[vrrp.PortID]vrrp.Port // prepared
	late  map[vrrp.PortID]vrrp.Port // needed for a moment longer, by routers that make way
	links map[string]int            // interfaces that exist, with their index
	open  map[vrrp.PortID]*link.Port
	all   bool // let adverts for unknown VRIDs pass
	retry *time.Timer
	shut  bool
}

// portChange gives the election thread the socket of a port, or takes it away (nil). The thread gives every socket that it no longer
// uses back to the keeper (Close).
type portChange struct {
	ID   vrrp.PortID
	Port *link.Port
}

func newPortKeeper(post func(portChange), report func(string), rcvbuf func(int) int) *portKeeper {
	return &portKeeper{
		post: post, report: report, rcvbuf: rcvbuf, want: map[vrrp.PortID]vrrp.Port{}, links: map[string]int{},
		open: map[vrrp.PortID]*link.Port{},
	}
}

// Prepare opens what the configuration needs and can be opened now. An interface that does not exist yet is no error: its port is
// opened when it appears. Memberships are only added, so that nothing that runs notices.
func (k *portKeeper) Prepare(c *vrrp.Config) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = map[vrrp.PortID]vrrp.Port{}
	for _, p := range c.Ports() {
		k.next[p.ID] = p
	}
	k.all = c.LogUnknownVRIDs
	for id, p := range k.next {
		if err := k.ensure(id, p); err != nil {
			return err
		}
	}
	return nil
}

// ensure opens the port, or adds to it what it lacks.
func (k *portKeeper) ensure(id vrrp.PortID, p vrrp.Port) error {
	index, exists := k.links[id.Link]
	if id.Link != "" && !exists {
		return nil
	}
	if old := k.open[id]; old != nil {
		for _, g := range p.Groups {
			if err := old.Join(g); err != nil {
				return err
			}
		}
		return old.SetVRIDs(k.vrids(p, k.want[id], k.late[id]))
	}
	s := link.Spec{
		Link: id.Link, Index: index, Family: 4, Local: id.Local, Groups: p.Groups, RcvBuf: k.rcvbuf(p.Routers), VRIDs: k.vrids(p),
	}
	if id.IPv6 {
		s.Family = 6
	}
	port, err := link.Open(s)
	if err != nil {
		return fmt.Errorf("%w", err)
	}
	k.open[id] = port
	k.post(portChange{ID: id, Port: port})
	return nil
}

// vrids is what the kernel lets through: the virtual routers of all of them.
func (k *portKeeper) vrids(ports ...vrrp.Port) *link.VRIDSet {
	if k.all {
		return nil
	}
	set := &link.VRIDSet{}
	for _, p := range ports {
		for v := range p.VRIDs {
			set.Add(v)
		}
	}
	return set
}

// Commit makes the prepared configuration the one in force. Ports that neither it nor a router that makes way needs are closed; the
// rest is narrowed to it.
func (k *portKeeper) Commit(leaving []vrrp.Port) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.groups()
	k.want, k.next = k.next, nil
	k.late = byID(leaving)
	k.narrow(old)
}

// Linger replaces what routers that make way need.
func (k *portKeeper) Linger(leaving []vrrp.Port) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut {
		return
	}
	old := k.groups()
	k.late = byID(leaving)
	k.narrow(old)
}

func byID(ports []vrrp.Port) map[vrrp.PortID]vrrp.Port {
	m := make(map[vrrp.PortID]vrrp.Port, len(ports))
	for _, p := range ports {
		m[p.ID] = p
	}
	return m
}

// groups are the multicast groups that each port is a member of.
func (k *portKeeper) groups() map[vrrp.PortID][]netip.Addr {
	m := map[vrrp.PortID][]netip.Addr{}
	for _, ports := range [...]map[vrrp.PortID]vrrp.Port{k.want, k.late} {
		for id, p := range ports {
			m[id] = append(m[id], p.Groups...)
		}
	}
	return m
}

// narrow closes what nobody needs, and gives up groups and virtual routers that nobody listens for.
func (k *portKeeper) narrow(old map[vrrp.PortID][]netip.Addr) {
	for id, p := range k.open {
		want, wanted := k.want[id]
		late, needed := k.late[id]
		next, coming := k.next[id]
		if !wanted && !needed && !coming {
			k.drop(id)
			continue
		}
		for _, g := range old[id] {
			if !contains(want.Groups, g) && !contains(late.Groups, g) && !contains(next.Groups, g) {
				k.complain(p.Leave(g))
			}
		}
		k.complain(p.SetVRIDs(k.vrids(want, late, next)))
	}
}

// Abort forgets the prepared configuration and closes what was opened for it alone.
func (k *portKeeper) Abort() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = nil
	for id := range k.open {
		_, wanted := k.want[id]
		if _, needed := k.late[id]; !wanted && !needed {
			k.drop(id)
		}
	}
}

// Link says that an interface exists, with its index, or exists no more (index 0).
func (k *portKeeper) Link(name string, index int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut || k.links[name] == index {
		return
	}
	for id, p := range k.open {
		if id.Link == name && p.Index() != index {
			k.drop(id)
		}
	}
	if index == 0 {
		delete(k.links, name)
		return
	}
	k.links[name] = index
	k.fill()
}

// fill opens what is wanted and missing; what fails is tried again.
func (k *portKeeper) fill() {
	again := false
	for id, p := range k.want {
		if k.open[id] != nil {
			continue
		}
		if err := k.ensure(id, p); err != nil {
			k.complain(err)
			again = true
		}
	}
	if again && k.retry == nil {
		k.retry = time.AfterFunc(time.Second, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.retry = nil; !k.shut {
				k.fill()
			}
		})
	}
}

// drop takes a port away from the election thread, which gives it back to Close.
func (k *portKeeper) drop(id vrrp.PortID) {
	delete(k.open, id)
	k.post(portChange{ID: id})
}

// Close ends a socket that the election thread has let go.
func (k *portKeeper) Close(p *link.Port) { go p.Close() }

// Shut ends the keeper. The sockets stay with the election thread.
func (k *portKeeper) Shut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shut = true
	if k.retry != nil {
		k.retry.Stop()
	}
}

func (k *portKeeper) complain(err error) {
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		k.report(err.Error())
	}
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}
