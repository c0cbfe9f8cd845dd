// Package leftover removes what a daemon that was killed has left in the kernel: exactly what its state file and the
// current configuration name, and nothing because of a mark that others may use too.
package leftover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/host"
	"holdfast.dev/host/iptables"
	"holdfast.dev/host/kernel"
	"holdfast.dev/host/specs"
)

// Record writes to the file at path which addresses, routes and rules the configurations now (nil for none) and next can put
// into the kernel. It is written before next comes into force, so that writing never stands between an election and its result.
func Record(path string, now, next *config.Config) error {
	held, err := kernel.Here()
	if err != nil {
		return err
	}
	held.Items = Items(now, next)
	data, err := kernel.EncodeHeld(held)
	if err != nil {
		return err
	}
	return kernel.WriteFile(path, data)
}

// Sweep deletes what the file at path and the configuration c (nil for none) name, where it is present, and then the
// file. It returns the names of what was there. It must not be called while a daemon of that file runs.
func Sweep(path string, c *config.Config) (removed []string, err error) {
	old, err := read(path)
	if err != nil {
		return nil, err
	}
	now := Items(c)
	old.Keys, old.Routes, old.Rules = append(now.Keys, old.Keys...), append(now.Routes, old.Routes...), append(now.Rules, old.Rules...)
	old.Links, old.Walls = append(now.Links, old.Links...), append(now.Walls, old.Walls...)
	if removed, err = remove(collect(map[host.Key]bool{}, old)); err != nil {
		return removed, err
	}
	return removed, Forget(path)
}

// remove deletes items where they are present, and returns their names.
func remove(items kernel.Items) (removed []string, err error) {
	if items.Len() == 0 {
		return nil, nil
	}
	swept, err := kernel.Sweep(items)
	for _, k := range swept.Removed {
		removed = append(removed, name(k))
	}
	if err == nil && len(swept.Failed) > 0 {
		err = failure(swept.Failed)
	}
	if len(items.Links) > 0 {
		links, linkErr := kernel.SweepLinks(items.Links)
		for _, l := range links {
			removed = append(removed, "interface "+l)
		}
		err = errors.Join(err, linkErr)
	}
	if len(items.Walls) > 0 { // last: until then nobody is answered
		tables, chains := kinds(items.Walls)
		noTables, tableErr := kernel.SweepWalls(tables)
		noChains, chainErr := iptables.Sweep(chains)
		for _, w := range slices.Concat(noTables, noChains) {
			removed = append(removed, "firewall "+w.String())
		}
		err = errors.Join(err, tableErr, chainErr)
	}
	return removed, err
}

// name is what an item is called in the log.
func name(k host.Key) string {
	if k.IsEntry() {
		return k.Entry
	}
	return k.Prefix.String() + " on " + k.Link
}

// kinds separates tables of nftables from chains of iptables.
func kinds(walls []host.WallName) (tables, chains []host.WallName) {
	for _, w := range walls {
		if w.Table != "" {
			tables = append(tables, w)
		} else {
			chains = append(chains, w)
		}
	}
	return tables, chains
}

// Drop deletes what old can put into the kernel and next does not name, where it is present: what a process that ran old
// and died has left, before one that is given next takes its place. What next names is that process's own business.
func Drop(old, next *config.Config) error {
	named := map[host.Key]bool{}
	collect(named, Items(next))
	_, err := remove(collect(named, Items(old)))
	return err
}

// Forget deletes the file of a daemon that left nothing behind.
func Forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// read gives the items of a state file that can still be there: none if it is of another boot or namespace.
func read(path string) (none kernel.Items, err error) {
	data, err := kernel.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	held, err := kernel.DecodeHeld(data)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	here, err := kernel.Here()
	if err != nil || !held.Same(here) {
		return none, err
	}
	return held.Items, nil
}

func failure(failed []host.Result) error {
	var b strings.Builder
	for i, r := range failed {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(failed)-i)
			break
		}
		fmt.Fprintf(&b, " %s (%s)", name(r.Key), r.Err)
	}
	return errors.New("not removed:" + b.String())
}

// Items is what configurations can put into the kernel, each once. Nil configurations have nothing.
func Items(cs ...*config.Config) kernel.Items {
	var all kernel.Items
	add := func(at *config.Layout, list []config.Address) {
		for i := range list {
			if k := specs.Address(&list[i], at).Key; k.Link != "" && k.Prefix.IsValid() {
				all.Keys = append(all.Keys, k)
			}
		}
	}
	tables := func(routes []config.Route, rules []config.Rule) {
		for i := range routes {
			all.Routes = append(all.Routes, specs.Route(&routes[i]))
		}
		for i := range rules {
			all.Rules = append(all.Rules, specs.Rule(&rules[i]))
		}
	}
	for _, c := range cs {
		if c == nil {
			continue
		}
		if w := specs.Wall(c); w != (host.Wall{}) {
			all.Walls = append(all.Walls, w.WallName)
		}
		at := c.Layout()
		for _, v := range at.Links {
			all.Links = append(all.Links, v.Name)
			if own, ok := specs.Own(v); ok {
				all.Keys = append(all.Keys, own.Key)
			}
		}
		for i := range c.Instances {
			in := &c.Instances[i]
			add(at, in.Addresses)
			add(at, in.Excluded)
			if in.Routing != nil {
				tables(in.Routing.Routes, in.Routing.Rules)
			}
		}
		add(at, c.Static)
		tables(c.Routes, c.Rules)
	}
	return collect(map[host.Key]bool{}, all)
}

// collect returns the items that are not in seen yet, and adds them to it.
func collect(seen map[host.Key]bool, items kernel.Items) (fresh kernel.Items) {
	is := func(k host.Key) bool {
		known := seen[k]
		seen[k] = true
		return !known
	}
	for _, k := range items.Keys {
		if is(k) {
			fresh.Keys = append(fresh.Keys, k)
		}
	}
	for _, name := range items.Links {
		if is(host.Key{Link: name}) {
			fresh.Links = append(fresh.Links, name)
		}
	}
	for _, w := range items.Walls {
		if is(host.Key{Entry: fmt.Sprintf("%q %q", w.String()+w.Chains.Set4+w.Chains.Set6+w.Chains.Local, w.Mark)}) {
			fresh.Walls = append(fresh.Walls, w)
		}
	}
	for i := range items.Routes {
		if is(items.Routes[i].Key()) {
			fresh.Routes = append(fresh.Routes, items.Routes[i])
		}
	}
	for i := range items.Rules {
		if is(items.Rules[i].Key()) {
			fresh.Rules = append(fresh.Rules, items.Rules[i])
		}
	}
	return fresh
}
