package iptables

import (
	"context"
	"slices"
	"strings"

	"holdfast.dev/host"
)

// Changed reports whether somebody else has changed what was written: neither iptables nor ipset tell of that. What can't be read counts
// as unchanged, and the error says why.
func (k *Keeper) Changed() (bool, error) {
	if len(k.bars) == 0 {
		return false, nil // there is nothing that could be open
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), OpLimit, errTooLong)
	defer cancel()
	var now strings.Builder
	for _, f := range families(&k.wall) {
		s, err := look(ctx, f, &k.wall.WallName)
		if err != nil {
			return false, err
		}
		if len(s.ours) != k.rules(f.six) {
			return true, nil
		}
		for _, r := range s.ours {
			now.WriteString(r.chain + " " + r.args + "\n")
		}
	}
	if sets := setsOf(&k.wall); len(sets) > 0 {
		there, err := setNames(ctx)
		if err != nil {
			return false, err
		}
		for _, s := range sets {
			if !there[s.name] {
				return true, nil
			}
			list, err := elements(ctx, s.name)
			if err != nil {
				return false, err
			}
			if len(list) != k.elements(&s) {
				return true, nil
			}
			slices.Sort(list)
			now.WriteString(s.name + " " + strings.Join(list, " ") + "\n")
		}
	}
	before := k.print
	k.print = now.String()
	return before != "" && before != k.print, nil
}

// rules is how many rules of a family there should be.
func (k *Keeper) rules(six bool) (n int) {
	if k.wall.Chains.Set4 != "" {
		return len(setRules(&k.wall, six))
	}
	for b := range k.bars {
		if b.Addr.Is6() == six {
			n += len(addressRules(&k.wall, b))
		}
	}
	return n
}

// elements is how many elements there should be in a set.
func (k *Keeper) elements(s *set) (n int) {
	for b := range k.bars {
		if name, _ := element(&k.wall, b); name == s.name && b.Addr.Is4() == (s.typ == typ4) {
			n++
		}
	}
	return n
}

// Sweep deletes what is left of these firewalls, where it bears their mark: the rules, and the sets that those asked. Where a program is
// missing there is nothing of its kind. It returns the names of those that anything was left of.
func Sweep(names []host.WallName) (removed []host.WallName, err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), OpLimit, errTooLong)
	defer cancel()
	for i := range names {
		name := &names[i]
		var sets []string
		there := false
		for _, f := range [...]family{ipv4, ipv6} {
			if lookFor(f.save) == "" {
				continue
			}
			s, e := look(ctx, f, name)
			if e == nil && len(s.ours) == 0 {
				continue
			}
			if e == nil {
				there = true
				_, e = dropRules(ctx, f, name)
			}
			if e != nil {
				err = e
				continue
			}
			for set := range s.sets {
				sets = append(sets, set)
			}
		}
		if len(sets) > 0 && lookFor("ipset") != "" {
			slices.Sort(sets)
			if e := destroy(ctx, slices.Compact(sets)); e != nil {
				err = e
			}
		}
		if there {
			removed = append(removed, *name)
		}
	}
	return removed, err
}
