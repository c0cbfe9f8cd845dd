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
	"holdfast.dev/host/kernel"
)

// Record writes to the file at path which addresses the configurations now (nil for none) and next can put on an
// interface. It is written before next comes into force, so that writing never stands between an election and its result.
func Record(path string, now, next *config.Config) error {
	held, err := kernel.Here()
	if err != nil {
		return err
	}
	held.Keys = Keys(now, next)
	data, err := kernel.EncodeHeld(held)
	if err != nil {
		return err
	}
	return kernel.WriteFile(path, data)
}

// Sweep deletes what the file at path and the configuration c (nil for none) name, where it is present, and then the
// file. It must not be called while a daemon of that file runs.
func Sweep(path string, c *config.Config) error {
	keys := Keys(c)
	old, err := read(path)
	if err != nil {
		return err
	}
	for _, k := range old {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	if err := remove(keys); err != nil {
		return err
	}
	return Forget(path)
}

// remove deletes the addresses where they are present.
func remove(keys []host.Key) error {
	if len(keys) == 0 {
		return nil
	}
	swept, err := kernel.Sweep(keys)
	if err != nil {
		return err
	}
	if len(swept.Failed) > 0 {
		return failure(swept.Failed)
	}
	return nil
}

// Drop deletes what old can put on an interface and next does not name, where it is present: what a process that ran old
// and died has left, before one that is given next takes its place. What next names is that process's own business.
func Drop(old, next *config.Config) error {
	named := Keys(next)
	var keys []host.Key
	for _, k := range Keys(old) {
		if !slices.Contains(named, k) {
			keys = append(keys, k)
		}
	}
	return remove(keys)
}

// Forget deletes the file of a daemon that left nothing behind.
func Forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// read gives the addresses of a state file that can still be there: none if it is of another boot or namespace.
func read(path string) ([]host.Key, error) {
	data, err := kernel.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	held, err := kernel.DecodeHeld(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	here, err := kernel.Here()
	if err != nil || !held.Same(here) {
		return nil, err
	}
	return held.Keys, nil
}

func failure(failed []host.Result) error {
	var b strings.Builder
	for i, r := range failed {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(failed)-i)
			break
		}
		fmt.Fprintf(&b, " %s on %s (%s)", r.Key.Prefix, r.Key.Link, r.Err)
	}
	return errors.New("not removed:" + b.String())
}

// Keys are the addresses that configurations can put on interfaces, each once. Nil configurations have none.
func Keys(cs ...*config.Config) []host.Key {
	var keys []host.Key
	seen := make(map[host.Key]bool)
	add := func(list []config.Address) {
		for i := range list {
			k := host.Key{Link: list[i].Dev, Prefix: list[i].Prefix}
			if !seen[k] && k.Link != "" && k.Prefix.IsValid() {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	for _, c := range cs {
		if c == nil {
			continue
		}
		for i := range c.Instances {
			add(c.Instances[i].Addresses)
			add(c.Instances[i].Excluded)
		}
		add(c.Static)
	}
	return keys
}
