package hosttest

import (
	"slices"
	"strings"

	"holdfast.dev/host"
)

// wall is the table of the firewall, if there is one.
type wall struct {
	spec host.Wall
	bars []host.Bar
}

// applyWall carries out an operation on the firewall.
func (k *Kernel) applyWall(o *host.WallOp) host.OpResult {
	switch o.Do {
	case host.WallDrop:
		k.wall = nil
	case host.WallWrite:
		k.wall = &wall{spec: o.Wall, bars: slices.Clone(o.Add)}
	case host.WallChange:
		if k.wall == nil {
			return host.OpResult{Outcome: host.Refused, Text: "no such file or directory"}
		}
		for _, b := range o.Remove {
			i := slices.Index(k.wall.bars, b)
			if i < 0 {
				return host.OpResult{Outcome: host.Refused, Text: "no such file or directory"}
			}
			k.wall.bars = slices.Delete(k.wall.bars, i, i+1)
		}
		for _, b := range o.Add {
			if !slices.Contains(k.wall.bars, b) {
				k.wall.bars = append(k.wall.bars, b)
			}
		}
	}
	return host.OpResult{}
}

// AnswerWall carries out the operation on the firewall that waits, if there is one, and tells of it. It may be refused.
func (k *Kernel) AnswerWall() {
	o := k.walling
	if k.walling = nil; o == nil {
		return
	}
	res := host.OpResult{}
	if k.Refuse != nil {
		if text := k.Refuse(host.Op{Wall: o}); text != "" {
			res = host.OpResult{Outcome: host.Refused, Text: text}
		}
	}
	if res.Outcome == host.Done {
		k.flushed = false
		res = k.applyWall(o)
	}
	k.answers = append(k.answers, host.Event{Kind: host.WallAnswered, Answer: res})
}

// Flush deletes the firewall, as another program would.
func (k *Kernel) Flush() bool {
	if k.wall == nil {
		return false
	}
	k.wall = nil
	k.flushed = true
	k.tell(host.Event{Kind: host.WallChanged})
	return true
}

// Flushed reports whether another program has deleted the firewall and it was not written anew since.
func (k *Kernel) Flushed() bool { return k.flushed }

// DropWall deletes the firewall without a word to anybody, as a sweep does.
func (k *Kernel) DropWall() { k.wall = nil }

// Bars reports whether packets to an address on a link are dropped.
func (k *Kernel) Bars(a host.Key) bool {
	if k.wall == nil {
		return false
	}
	ip := a.Prefix.Addr()
	index := -1
	if l := k.find(a.Link); l != nil {
		index = l.Index
	}
	return slices.ContainsFunc(k.wall.bars, func(b host.Bar) bool {
		return b.Addr == ip && (b == host.Bar{Addr: ip} || b.Link == a.Link || b.Index == index)
	})
}

// Wall is the firewall as text, the zero string for none: "keepalived: 10.0.0.3 fe80::1%eth0".
func (k *Kernel) Wall() string {
	if k.wall == nil {
		return ""
	}
	var list []string
	for _, b := range k.wall.bars {
		list = append(list, b.String())
	}
	slices.Sort(list)
	return strings.TrimSpace(k.wall.spec.Table + ": " + strings.Join(list, " "))
}
