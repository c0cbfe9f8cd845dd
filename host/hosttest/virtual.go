package hosttest

import (
	"slices"

	"holdfast.dev/host"
)

// applyLink carries out an operation on a virtual link.
func (k *Kernel) applyLink(op host.Op) host.OpResult {
	o := op.Link
	if o.Do == host.LinkMake {
		return k.makeLink(o)
	}
	l := k.byIndex(op.Index)
	if l == nil {
		return host.OpResult{Outcome: host.NoLink}
	}
	switch o.Do {
	case host.LinkShape:
		if o.Want.Kind == host.Macvlan {
			l.MAC = o.Want.MAC
		}
		l.Mode, l.Master = o.Want.Mode, o.Master
		k.tellLink(l)
	case host.LinkUp:
		for _, other := range k.links {
			if other != l && other.Up && other.Base == l.Base && l.Kind == host.Macvlan && other.MAC == l.MAC {
				return host.OpResult{Outcome: host.Refused, Text: "device or resource busy"}
			}
		}
		k.SetUp(l.Name, true)
	case host.LinkDown:
		k.SetUp(l.Name, false)
	case host.LinkDrop:
		k.DeleteLink(l.Name)
	}
	return host.OpResult{}
}

func (k *Kernel) makeLink(o *host.LinkOp) host.OpResult {
	base := k.byIndex(o.Base)
	switch {
	case base == nil:
		return host.OpResult{Outcome: host.NoLink}
	case k.find(o.Want.Name) != nil:
		return host.OpResult{Outcome: host.Exists}
	}
	k.last++
	l := &link{Link: host.Link{
		Name: o.Want.Name, Index: k.last, Multicast: true, Type: 1, MTU: base.MTU, MAC: o.Want.MAC,
		Kind: o.Want.Kind, Mode: o.Want.Mode, Base: base.Index, Master: o.Master, Alias: host.LinkMark,
	}}
	if base.Kind == o.Want.Kind {
		l.Base = base.Base
	}
	if o.Want.Kind == host.IPVLAN {
		l.MAC = base.MAC
	}
	k.links = append(k.links, l)
	k.tell(host.Event{Kind: host.Forward6, Index: l.Index})
	k.tellLink(l)
	return host.OpResult{}
}

// Make makes a virtual link, down, as another program would: without our mark.
func (k *Kernel) Make(v host.VirtualLink) bool {
	base := k.find(v.Base)
	if base == nil || k.makeLink(&host.LinkOp{Want: v, Base: base.Index}).Outcome != host.Done {
		return false
	}
	l := k.find(v.Name)
	l.Alias = ""
	k.tellLink(l)
	return true
}

// Link returns a link, nil if there is none of that name.
func (k *Kernel) Link(name string) *host.Link {
	if l := k.find(name); l != nil {
		s := l.snapshot()
		return &s
	}
	return nil
}

// deleteOn removes the virtual links on a link that goes away.
func (k *Kernel) deleteOn(base int) {
	for _, l := range slices.Clone(k.links) {
		if l.Base == base {
			k.DeleteLink(l.Name)
		}
	}
}

// AddLinkOnce is AddLink, up, unless there is one of that name.
func (k *Kernel) AddLinkOnce(name string) {
	if k.find(name) == nil {
		k.AddLink(name, true)
	}
}
