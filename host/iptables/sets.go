package iptables

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"holdfast.dev/host"
)

// set is one of ours.
type set struct{ name, typ string }

const (
	typ4     = "hash:ip family inet"
	typ6     = "hash:ip family inet6"
	typLocal = "hash:net,iface family inet6"
)

// setsOf lists those that a firewall needs; none if it has a rule for each address.
func setsOf(w *host.Wall) (list []set) {
	c := &w.Chains
	if c.Set4 == "" {
		return nil
	}
	if w.V4 {
		list = append(list, set{c.Set4, typ4})
	}
	if w.V6 {
		list = append(list, set{c.Set6, typ6}, set{c.Local, typLocal})
	}
	return list
}

// element is an address as a set has it, and which set.
func element(w *host.Wall, b host.Bar) (name, text string) {
	switch {
	case b.Link != "":
		return w.Chains.Local, b.Addr.String() + "," + b.Link
	case b.Addr.Is6():
		return w.Chains.Set6, b.Addr.String()
	}
	return w.Chains.Set4, b.Addr.String()
}

// spare is the name of a set that takes the place of another: unlike those of the other sets, whatever these are called.
func (s *set) spare() string {
	kind := map[string]string{typ4: "~4", typ6: "~6", typLocal: "~i"}[s.typ]
	return s.name[:min(len(s.name), 31-len(kind))] + kind
}

// fill has the sets hold exactly the bars. What is in a set and shall stay there never leaves it.
func fill(w *host.Wall, bars []host.Bar) string {
	var b strings.Builder
	for _, s := range setsOf(w) {
		spare := s.spare()
		fmt.Fprintf(&b, "create %s %s\ncreate %s %s\nflush %s\n", s.name, s.typ, spare, s.typ, spare)
		for _, bar := range bars {
			if name, text := element(w, bar); name == s.name && bar.Addr.Is4() == (s.typ == typ4) {
				fmt.Fprintf(&b, "add %s %s\n", spare, text)
			}
		}
		fmt.Fprintf(&b, "swap %s %s\ndestroy %s\n", spare, s.name, spare)
	}
	return b.String()
}

// changeSets adds and deletes elements.
func changeSets(w *host.Wall, add, remove []host.Bar) string {
	var b strings.Builder
	for _, bar := range remove {
		name, text := element(w, bar)
		fmt.Fprintf(&b, "del %s %s\n", name, text)
	}
	for _, bar := range add {
		name, text := element(w, bar)
		fmt.Fprintf(&b, "add %s %s\n", name, text)
	}
	return b.String()
}

// ipset carries out commands. That something is there already, or is not there to be deleted, is no error.
func ipset(ctx context.Context, commands string) error {
	_, err := run(ctx, commands, "ipset", "-exist", "restore")
	return err
}

// elements lists what is in a set. There is an error if there is no such set.
func elements(ctx context.Context, name string) (list []string, err error) {
	text, err := run(ctx, "", "ipset", "save", name)
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) >= 3 && words[0] == "add" {
			list = append(list, words[2])
		}
	}
	return list, err
}

// setNames lists all sets.
func setNames(ctx context.Context) (map[string]bool, error) {
	text, err := run(ctx, "", "ipset", "list", "-n")
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range strings.Fields(text) {
		names[name] = true
	}
	return names, nil
}

// unused reports whether a set is empty and nothing asks it: what a process leaves that was killed before it had used it.
func unused(ctx context.Context, name string) (bool, error) {
	text, err := run(ctx, "", "ipset", "list", name)
	if err != nil {
		return false, err
	}
	head, members, _ := strings.Cut(text, "Members:")
	return strings.TrimSpace(members) == "" && strings.Contains(head, "References: 0\n"), nil
}

// destroy deletes sets where they are there.
func destroy(ctx context.Context, names []string) error {
	there, err := setNames(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if there[name] {
			_, err := run(ctx, "", "ipset", "destroy", name)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
