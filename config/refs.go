package config

import (
	"fmt"
	"slices"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// define remembers what can be referred to by name, as the file goes on: a reference must stand after it.
func (b *builder) define(n *schema.Node) {
	switch name := n.Key.Name; name {
	case "vrrp_track_process", "bfd_instance", "track_file", "virtual_server_group":
		b.defined.add(name + " " + n.Name())
	case "vrrp_track_file":
		b.defined.add("track_file " + n.Name())
	}
}

// wanting checks blocks that must hold something; ok is false for one that is dropped.
func (b *builder) wanting(n *schema.Node) (ok bool) {
	missing := func(key, text string) bool {
		if last(n.Body, key) != nil {
			return true
		}
		b.errorf(n.Pos, "", text, n.Name())
		return false
	}
	switch n.Key.Name {
	case "track_file", "vrrp_track_file":
		return missing("file", "No file set for track_file %s - ignoring")
	case "vrrp_track_process":
		return missing("process", "No process set for vrrp_track_process %s - removing")
	case "bfd_instance":
		if last(n.Body, "neighbor_ip") == nil {
			return missing("neighbour_ip", "Configuration error: BFD instance %s has no neighbor address set, disabling instance")
		}
	case "virtual_server_group":
		if len(n.Body) == 0 {
			b.errorf(n.Pos, "", "virtual server group %s has no entries - removing", n.Name())
			return false
		}
	}
	return true
}

// kinds says what the entries of a track list name, and how the list's kind is called in messages.
var kinds = map[string][2]string{
	"track_file":    {"track_file", "file"},
	"track_process": {"vrrp_track_process", "process"},
	"track_bfd":     {"bfd_instance", "bfd"},
}

// tracked checks the entries of a list of trackers that is kept in its generic form.
func (b *builder) tracked(who string, n *schema.Node) {
	k, ok := kinds[n.Key.Name]
	if !ok {
		return
	}
	for i := range n.Body {
		e := &n.Body[i]
		if b.defined.has(k[0]+" "+e.Name()) && !b.trackers.add([3]string{who, k[0], e.Name()}) {
			b.errorf(e.Pos, who, "duplicate %s %s - ignoring", n.Key.Name, e.Name())
		}
		if !b.defined.has(k[0] + " " + e.Name()) {
			b.say(e.Pos, diag.Error, diag.GeneralError, who, fmt.Sprintf("track %s %s not found, ignoring...", k[1], e.Name()),
				"a "+k[0]+" of that name must stand before this block")
		}
	}
}

// routes checks lists of routes and rules, which are kept in their generic form.
func (b *builder) routes(n *schema.Node) {
	for i := range n.Body {
		e := &n.Body[i]
		has := func(name string) bool {
			return slices.ContainsFunc(e.Opts, func(u schema.Use) bool { return u.Name() == name })
		}
		switch n.Key.Name {
		case "virtual_rules", "static_rules":
			if !has("preference") {
				b.errorf(e.Pos, "", "Rule has no preference specified - setting to %d. This is probably not what you want.", 16384-i)
			}
		case "virtual_routes", "static_routes":
			if !has("dev") && !has("no_track") {
				b.errorf(e.Pos, "", "Warning - cannot track route %s with no interface specified, not tracking", destination(e))
			}
		}
	}
}

// destination is the network that a route leads to, as written.
func destination(e *schema.Node) string {
	for _, u := range e.Opts {
		if u.Name() == "" || u.Name() == "to" || len(u.Args) > 0 && u.Args[0].Arg.Name == "PREFIX" {
			return u.Args[len(u.Args)-1].Text
		}
	}
	return "without destination"
}

// otherScripts checks commands and users in a part of the file without a model of its own, and counts the commands.
func (b *builder) otherScripts(n *schema.Node, uses *int) {
	for i, v := range n.Args {
		if v.Arg.Name == "USER" {
			if _, ok := b.account(n.Args[i:]); !ok {
				b.errorf(v.Pos, "", "Unable to set uid/gid for %s: unknown user or group", n.Key.Name)
				return
			}
		}
	}
	if v, ok := n.Arg(0); ok && v.Arg.Kind == schema.Command && n.Key.Name != "regex" {
		if b.env.Program == nil || b.env.Program(v.Argv[0]).Problem == "" {
			*uses++
		} else {
			b.notef(v.Pos, "", "%s: %s is not there or not executable", n.Key.Name, v.Argv[0])
		}
	}
	for i := range n.Body {
		b.otherScripts(&n.Body[i], uses)
	}
}
