package node

import (
	"fmt"
	"net/netip"
	"sync"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/vrrp"
)

// linkBook remembers the interfaces for the log: what becomes of those that the configuration uses is told in the words that people
// search for (outputs.md section 2.5).
type linkBook struct {
	say func(detail int, text string)

	mu      sync.Mutex
	links   map[string]*seenLink
	names   map[int]string
	used    map[string]bool
	virtual map[netip.Addr]bool // addresses that some router has: they are no interface's own
	synced  bool
}

// seenLink is an interface as it was last told.
type seenLink struct {
	index  int
	up     bool
	source [2]netip.Addr // the first address of its own, IPv4 and IPv6 link-local
}

func newLinkBook(say func(detail int, text string)) *linkBook {
	return &linkBook{say: say, links: map[string]*seenLink{}, names: map[int]string{}}
}

// usedLinks is what a configuration says about interfaces.
type usedLinks struct {
	used    map[string]bool
	virtual map[netip.Addr]bool
}

func linksOf(c *config.Config) usedLinks {
	used, virtual := map[string]bool{}, map[netip.Addr]bool{}
	for _, v := range c.Layout().Links {
		used[v.Name] = true
	}
	for i := range c.Instances {
		in := &c.Instances[i]
		used[in.Interface] = true
		for _, t := range in.Track.Interfaces {
			used[t.Name] = true
		}
		for _, list := range [...][]config.Address{in.Addresses, in.Excluded} {
			for n := range list {
				used[list[n].Dev] = true
				virtual[list[n].Addr()] = true
			}
		}
	}
	return usedLinks{used, virtual}
}

// Use says which interfaces matter.
func (b *linkBook) Use(u *usedLinks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used, b.virtual = u.used, u.virtual
}

// Name of the interface with that index.
func (b *linkBook) Name(index int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name := b.names[index]; name != "" {
		return name
	}
	return fmt.Sprintf("interface %d", index)
}

// Note takes in a report of the kernel's and tells what is new in it.
func (b *linkBook) Note(rep *host.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	renamed := map[int]string{}
	for _, name := range rep.Gone {
		if l := b.links[name]; l != nil {
			renamed[l.index] = name
			if !isIn(rep.Changed, l.index) {
				b.deleted(name, l)
			}
			b.forget(name, l)
		}
	}
	for i := range rep.Changed {
		lk := &rep.Changed[i]
		if was := renamed[lk.Index]; was != "" && was != lk.Name {
			b.tell(lk.Name, 0, fmt.Sprintf("Interface name has changed from %s to %s", was, lk.Name))
		} else if b.links[lk.Name] == nil && b.synced {
			b.tell(lk.Name, 0, fmt.Sprintf("Interface %s added", lk.Name))
		}
		b.changed(lk)
	}
	b.synced = b.synced || rep.Synced
}

func isIn(links []host.Link, index int) bool {
	for i := range links {
		if links[i].Index == index {
			return true
		}
	}
	return false
}

// tell logs a line about an interface; of one that nobody uses only with one more -D.
func (b *linkBook) tell(link string, detail int, text string) {
	if !b.used[link] {
		detail++
	}
	b.say(detail, text)
}

func (b *linkBook) deleted(name string, l *seenLink) {
	if b.used[name] {
		if l.up {
			b.say(0, fmt.Sprintf("Netlink reports %s down", name))
		}
		b.sources(name, l, [2]netip.Addr{})
	}
	b.tell(name, 0, fmt.Sprintf("Interface %s deleted", name))
}

func (b *linkBook) forget(name string, l *seenLink) {
	delete(b.links, name)
	if b.names[l.index] == name {
		delete(b.names, l.index)
	}
}

func (b *linkBook) changed(lk *host.Link) {
	l := b.links[lk.Name]
	fresh := l == nil
	if fresh {
		l = &seenLink{}
		b.links[lk.Name] = l
	}
	if l.index != lk.Index {
		if b.names[l.index] == lk.Name {
			delete(b.names, l.index)
		}
		l.index = lk.Index
	}
	b.names[lk.Index] = lk.Name
	used := b.used[lk.Name]
	if up := lk.IsUp(); up != l.up {
		l.up = up
		if used && (!fresh || b.synced) {
			b.say(0, fmt.Sprintf("Netlink reports %s %s", lk.Name, upOrDown(up)))
		}
	}
	if used {
		b.sources(lk.Name, l, b.own(lk))
	}
}

func upOrDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// own finds the addresses that adverts may be sent from.
func (b *linkBook) own(lk *host.Link) (own [2]netip.Addr) {
	for i := range lk.Addrs {
		a := lk.Addrs[i].Prefix.Addr()
		switch {
		case b.virtual[a]:
		case a.Is4() && !own[0].IsValid():
			own[0] = a
		case a.Is6() && a.IsLinkLocalUnicast() && !own[1].IsValid() && lk.Addrs[i].Flags&host.FlagTentative == 0:
			own[1] = a
		}
	}
	return own
}

// sources tells of the change of an interface's own addresses.
func (b *linkBook) sources(name string, l *seenLink, now [2]netip.Addr) {
	for i, a := range now {
		old := l.source[i]
		if a == old {
			continue
		}
		if old.IsValid() {
			b.say(1, fmt.Sprintf("Deassigned address %s from interface %s", old, name))
		}
		if a.IsValid() {
			b.say(1, fmt.Sprintf("Assigned address %s for interface %s", a, name))
		}
	}
	l.source = now
}

// kernelSays passes on what the kernel's writer reports: to the keeper of the sockets first, which must know an interface before
// the engine does.
func (r *vrrpRole) kernelSays(l *loop, rep *host.Report, synced func()) {
	if len(rep.Gone)+len(rep.Changed) > 0 || rep.Synced {
		r.beats.Take(rep)
	}
	for _, lost := range rep.Lost {
		l.Post(input{event: &vrrp.Lost{Lost: lost}})
	}
	for _, a := range rep.Applied {
		l.Post(input{event: &vrrp.Applied{Applied: a}})
	}
	for _, text := range rep.Troubles {
		r.teller.Say(vrrp.Warning, text)
	}
	if rep.Synced {
		synced()
	}
}

// linksAre passes on what is known of interfaces.
func (r *vrrpRole) linksAre(l *loop, rep *host.Report) {
	r.links.Note(rep)
	for _, name := range rep.Gone {
		l.ports.Link(name, 0, 0)
		l.Post(input{event: &vrrp.LinkGone{Name: name}})
	}
	for _, lk := range rep.Changed {
		l.ports.Link(lk.Name, lk.Index, lk.MTU)
		l.Post(input{event: &vrrp.LinkChanged{Link: lk}})
	}
}
