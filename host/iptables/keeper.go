package iptables

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/host"
)

// OpLimit is how long one operation may take in all.
const OpLimit = 15 * time.Second

// errTooLong is why a program was ended.
var errTooLong = fmt.Errorf("it took longer than %s", OpLimit)

// Keeper carries out operations on firewalls in chains of iptables, in the network namespace of the process. It must not be used by two
// goroutines at a time.
type Keeper struct {
	mine map[string]bool // sets that were made by it, by name

	wall  host.Wall // as it was last written, the zero Wall for none
	bars  map[host.Bar]struct{}
	print string // what of it is seen; empty if that was not looked at since the last operation
}

// NewKeeper returns one that has not written anything.
func NewKeeper() *Keeper { return &Keeper{mine: map[string]bool{}} }

// Apply carries out one operation. When it returns nil the kernel has it.
func (k *Keeper) Apply(op *host.WallOp) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), OpLimit, errTooLong)
	defer cancel()
	for _, b := range op.Add {
		if err := nameable(b); err != nil {
			return err
		}
	}
	k.print = ""
	switch op.Do {
	case host.WallWrite:
		return k.write(ctx, op)
	case host.WallChange:
		return k.change(ctx, op)
	}
	return k.drop(ctx, &op.Wall)
}

// nameable reports why iptables can't bar an address.
func nameable(b host.Bar) error {
	if strings.HasSuffix(b.Link, "+") || strings.ContainsAny(b.Link, " ,\"\\'") {
		return fmt.Errorf("iptables can't name the interface %q", b.Link)
	}
	return nil
}

// write has the chains, and the sets, hold exactly what they should of ours.
func (k *Keeper) write(ctx context.Context, op *host.WallOp) error {
	k.wall, k.bars = host.Wall{}, nil
	w := &op.Wall
	before := map[bool]saved{}
	for _, f := range families(w) {
		s, err := look(ctx, f, &w.WallName)
		if err != nil {
			return err
		}
		for _, chain := range [...]string{w.Chains.In, w.Chains.Out} {
			if chain != "" && !s.chains[chain] {
				return fmt.Errorf("%s has no chain %s in its table filter: make it (%s -N %s), or name another one (vrrp_iptables)", f.program, chain, f.program, chain)
			}
		}
		before[f.six] = s
	}
	if sets := setsOf(w); len(sets) > 0 {
		if err := k.claim(ctx, sets, before); err != nil {
			return err
		}
		if err := ipset(ctx, fill(w, op.Add)); err != nil {
			return err
		}
		for _, s := range sets {
			k.mine[s.name] = true
		}
	}
	for _, f := range families(w) {
		if err := commit(ctx, f, rewrite(w, f.six, op.Add, before[f.six].ours)); err != nil {
			return err
		}
	}
	k.wall, k.bars = *w, map[host.Bar]struct{}{}
	for _, b := range op.Add {
		k.bars[b] = struct{}{}
	}
	return nil
}

// rewrite is the change from the rules of ours that are there to those that should be.
func rewrite(w *host.Wall, six bool, bars []host.Bar, ours []rule) string {
	var t table
	for _, r := range ours {
		t.delete(r)
	}
	if w.Chains.Set4 != "" {
		for _, r := range setRules(w, six) {
			t.append(r)
		}
		return t.text()
	}
	for _, b := range bars {
		if b.Addr.Is6() == six {
			for _, r := range addressRules(w, b) {
				t.insert(r)
			}
		}
	}
	return t.text()
}

// claim reports why sets are not ours to change: they are there, we have not made them, no rule of ours asks them, and they are of use.
func (k *Keeper) claim(ctx context.Context, sets []set, before map[bool]saved) error {
	there, err := setNames(ctx)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if !there[s.name] || k.mine[s.name] || before[false].sets[s.name] || before[true].sets[s.name] {
			continue
		}
		if free, err := unused(ctx, s.name); err != nil {
			return err
		} else if !free {
			return fmt.Errorf("ipset has a set %s already, which is not ours: destroy it, or name another one (vrrp_ipsets)", s.name)
		}
	}
	return nil
}

func (k *Keeper) change(ctx context.Context, op *host.WallOp) error {
	w := &op.Wall
	if k.wall != *w {
		return errors.New("another process has written it")
	}
	if w.Chains.Set4 != "" {
		if err := k.changeBySets(ctx, op); err != nil {
			return err
		}
	} else {
		for _, f := range families(w) {
			var t table
			for _, b := range op.Remove {
				for _, r := range addressRules(w, b) {
					if b.Addr.Is6() == f.six {
						t.delete(r)
					}
				}
			}
			for _, b := range op.Add {
				for _, r := range addressRules(w, b) {
					if b.Addr.Is6() == f.six {
						t.insert(r)
					}
				}
			}
			if err := commit(ctx, f, t.text()); err != nil {
				return err
			}
		}
	}
	for _, b := range op.Remove {
		delete(k.bars, b)
	}
	for _, b := range op.Add {
		k.bars[b] = struct{}{}
	}
	return nil
}

// changeBySets changes elements. To have more of them helps only if the rules are there.
func (k *Keeper) changeBySets(ctx context.Context, op *host.WallOp) error {
	w := &op.Wall
	for _, f := range families(w) {
		if !slices.ContainsFunc(op.Add, func(b host.Bar) bool { return b.Addr.Is6() == f.six }) {
			continue
		}
		s, err := look(ctx, f, &w.WallName)
		if err != nil {
			return err
		}
		if len(s.ours) != len(setRules(w, f.six)) {
			return fmt.Errorf("somebody has deleted rules of ours from %s", f.program)
		}
	}
	return ipset(ctx, changeSets(w, op.Add, op.Remove))
}

// drop deletes what is ours of a firewall.
func (k *Keeper) drop(ctx context.Context, w *host.Wall) error {
	var errs []error
	asked := map[string]bool{}
	for _, f := range families(w) {
		sets, err := dropRules(ctx, f, &w.WallName)
		errs = append(errs, err)
		for name := range sets {
			asked[name] = true
		}
	}
	var gone []string
	for _, name := range [...]string{w.Chains.Set4, w.Chains.Set6, w.Chains.Local} {
		if name != "" && (k.mine[name] || asked[name]) {
			gone = append(gone, name)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(gone) > 0 {
		if err := destroy(ctx, gone); err != nil {
			return err
		}
	}
	for _, name := range gone {
		delete(k.mine, name)
	}
	if k.wall.Same(&w.WallName) {
		k.wall, k.bars = host.Wall{}, nil
	}
	return nil
}

// dropRules deletes our rules of one family, and returns the sets that they asked.
func dropRules(ctx context.Context, f family, name *host.WallName) (sets map[string]bool, err error) {
	s, err := look(ctx, f, name)
	if err != nil {
		return nil, err
	}
	var t table
	for _, r := range s.ours {
		t.delete(r)
	}
	return s.sets, commit(ctx, f, t.text())
}

// look reads the table filter of one family.
func look(ctx context.Context, f family, name *host.WallName) (saved, error) {
	text, err := run(ctx, "", f.save, "-t", "filter")
	return parse(text, name), err
}

// commit carries out a transaction of iptables-restore.
func commit(ctx context.Context, f family, text string) error {
	if text == "" {
		return nil
	}
	_, err := run(ctx, text, f.restore, "--noflush", "--wait="+lockWait)
	return err
}
