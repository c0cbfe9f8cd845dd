// Package changes says what a reload from one configuration to another would do.
package changes

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"holdfast.dev/config"
)

// Change is one thing that a reload would do.
type Change struct {
	Kind Kind
	What string // what changes: "vrrp_instance VI_1", "global_defs"
	Text string
}

// Kind says how a change is done.
type Kind uint8

// The kinds of changes.
const (
	Update  Kind = iota // in place: nothing else is touched
	Add                 // something new begins
	Remove              // something ends
	Restart             // a reload refuses it; the program must be restarted (rule P2)
)

// String is a sign for the kind.
func (k Kind) String() string { return [...]string{"~", "+", "-", "!"}[k&3] }

// Between lists what a reload from was to now would do, in the order of the new file. It is empty for files that mean the
// same.
func Between(was, now *config.Config) []Change {
	d := new(differ)
	d.fixed(was, now)
	p, g := changeable(was, now)
	d.fields("process", reflect.ValueOf(p), reflect.ValueOf(now.Process), "")
	d.fields("global_defs", reflect.ValueOf(g), reflect.ValueOf(now.Global), "")
	d.instances(was, now)
	named(d, "vrrp_sync_group", was.Groups, now.Groups, func(g *config.SyncGroup) string { return g.Name })
	named(d, "vrrp_script", was.Scripts, now.Scripts, func(s *config.Script) string { return s.Name })
	named(d, "vrrp_check", was.Checks, now.Checks, func(c *config.TrackCheck) string { return c.Name })
	named(d, "track_file", was.Files, now.Files, func(f *config.TrackFile) string { return f.Name })
	named(d, "vrrp_track_process", was.Processes, now.Processes, func(p *config.TrackProcess) string { return p.Name })
	named(d, "bfd_instance", was.BFD, now.BFD, func(s *config.BFDSession) string { return s.Name })
	named(d, "track_group", was.TrackGroups, now.TrackGroups, func(g *config.TrackGroup) string { return g.Name })
	named(d, "virtual_server_group", was.ServiceGroups, now.ServiceGroups, func(g *config.ServiceGroup) string { return g.Name })
	named(d, "virtual_server", was.Services, now.Services, serviceName)
	named(d, "static address", was.Static, now.Static, func(a *config.Address) string { return a.Prefix.String() + " dev " + a.Dev })
	named(d, "static route", was.Routes, now.Routes, func(r *config.Route) string { return fmt.Sprintf("%s table %d metric %d", r.Dst, r.Table, r.Metric) })
	named(d, "static rule", was.Rules, now.Rules, func(r *config.Rule) string { return fmt.Sprintf("priority %d", r.Priority) })
	named(d, "interface_up_down_delays", was.Debounce, now.Debounce, func(e *config.Debounce) string { return e.Interface })
	named(d, "linkbeat_interfaces", was.Linkbeat, now.Linkbeat, func(l *config.Linkbeat) string { return l.Interface })
	named(d, "garp_group", was.GarpGroups, now.GarpGroups, func(g *config.GarpGroup) string { return strings.Join(g.Interfaces, " ") })
	if !reflect.DeepEqual(was.TLS, now.TLS) && (was.TLS == nil || now.TLS == nil) {
		d.add(Update, "SSL", "what SSL_GET shows to servers changes")
	} else if was.TLS != nil {
		d.fields("SSL", reflect.ValueOf(*was.TLS), reflect.ValueOf(*now.TLS), "")
	}
	return d.out
}

func serviceName(s *config.Service) string {
	switch {
	case s.Group != "":
		return "group " + s.Group
	case s.HasMark:
		return fmt.Sprintf("fwmark %d", s.Mark)
	}
	return fmt.Sprintf("%s %d protocol %d", s.Addr, s.Port, s.Protocol)
}

// differ collects changes.
type differ struct{ out []Change }

func (d *differ) add(k Kind, what, format string, args ...any) {
	d.out = append(d.out, Change{k, what, fmt.Sprintf(format, args...)})
}

// fixed is rule P2: what a reload can't change.
func (d *differ) fixed(was, now *config.Config) {
	check := func(what string, same bool) {
		if !same {
			d.add(Restart, what, "can't be changed by a reload: the reload is refused as a whole, and the old configuration stays in force until a restart")
		}
	}
	check("net_namespace", was.Process.Namespace == now.Process.Namespace)
	check("net_namespace_ipvs", reflect.DeepEqual(was.Process.NamespaceIPVS, now.Process.NamespaceIPVS))
	check("instance", was.Process.Instance == now.Process.Instance)
	check("use_pid_dir", was.Process.UsePidDir == now.Process.UsePidDir)
	for _, key := range []string{"nftables", "nftables_ipvs", "tmp_config_directory", "disable_local_igmp"} {
		check(key, slices.EqualFunc(uses(was, key), uses(now, key), slices.Equal[[]string]))
	}
}

// changeable is what was, but for that which a reload can't change and has been reported.
func changeable(was, now *config.Config) (config.Process, config.Global) {
	p, g := was.Process, was.Global
	p.Namespace, p.NamespaceIPVS, p.Instance, p.UsePidDir = now.Process.Namespace, now.Process.NamespaceIPVS, now.Process.Instance, now.Process.UsePidDir
	n := &now.Global
	g.Firewall.Nftables, g.LVS.Nftables, g.Dirs.Temp, g.VRRP.NoLocalIGMP = n.Firewall.Nftables, n.LVS.Nftables, n.Dirs.Temp, n.VRRP.NoLocalIGMP
	return p, g
}

func uses(c *config.Config, key string) (out [][]string) {
	for _, it := range c.Global.Rest {
		if len(it.Words) > 0 && it.Words[0] == key {
			out = append(out, it.Words)
		}
	}
	return out
}

// identity is what makes two instances the same (rule P5).
type identity struct {
	family config.Family
	vrid   uint8
	iface  string
	place  netip.Addr // the source of unicast, or the group
	vmac   bool
}

func identify(i *config.Instance) identity {
	id := identity{i.Family, i.VRID, i.Interface, i.Group, i.Virtual != nil}
	if i.Unicast() {
		id.place = i.Source
	}
	return id
}

// instances matches instances by identity first and then by name.
func (d *differ) instances(was, now *config.Config) {
	old := make(map[identity]*config.Instance)
	for n := range was.Instances {
		old[identify(&was.Instances[n])] = &was.Instances[n]
	}
	taken := make(map[*config.Instance]bool)
	for n := range now.Instances {
		i := &now.Instances[n]
		o := old[identify(i)]
		if byName, ok := was.Instance(i.Name); o == nil && ok && !taken[byName] {
			o = byName
		}
		if o == nil {
			d.add(Add, "vrrp_instance "+i.Name, "virtual router %d on %s begins as BACKUP with priority %d", i.VRID, i.Interface, i.Priority)
			continue
		}
		taken[o] = true
		d.instance(o, i)
	}
	for n := range was.Instances {
		if o := &was.Instances[n]; !taken[o] {
			d.add(Remove, "vrrp_instance "+o.Name, "virtual router %d ends: if it is master it says so (priority 0) and gives up its addresses (%d)", o.VRID, len(o.Addresses)+len(o.Excluded))
		}
	}
}

func (d *differ) instance(o, i *config.Instance) {
	what := "vrrp_instance " + i.Name
	if o.Name != i.Name {
		d.add(Update, what, "it is called %s now; state and timers stay", o.Name)
	}
	if identify(o) != identify(i) {
		d.add(Update, what, "another virtual router under the same name: it leaves the old place and begins anew as BACKUP")
	}
	lists := []struct {
		name     string
		old, new []config.Address
	}{{"virtual_ipaddress", o.Addresses, i.Addresses}, {"virtual_ipaddress_excluded", o.Excluded, i.Excluded}}
	for _, l := range lists {
		d.addresses(what, l.name, l.old, l.new)
	}
	if o.Priority != i.Priority {
		d.add(Update, what, "priority %d -> %d; it is sent with the next advert, nothing moves before", o.Priority, i.Priority)
	}
	a, b := *o, *i
	a.Name, a.Priority, a.Addresses, a.Excluded, a.Ports = b.Name, b.Priority, nil, nil, nil
	b.Addresses, b.Excluded, b.Ports = nil, nil, nil
	d.fields(what, reflect.ValueOf(a), reflect.ValueOf(b), "")
}

// addresses compares two lists of addresses; those in both are not touched.
func (d *differ) addresses(what, list string, was, now []config.Address) {
	key := func(a config.Address) string { return a.Prefix.String() + " dev " + a.Dev }
	old, current := make(map[string]*config.Address, len(was)), make(map[string]bool, len(now))
	for i := range was {
		old[key(was[i])] = &was[i]
	}
	for _, a := range now {
		current[key(a)] = true
	}
	kept := 0
	for _, a := range was {
		if !current[key(a)] {
			d.add(Remove, what, "%s: %s is removed if it is master", list, key(a))
		} else {
			kept++
		}
	}
	for _, a := range now {
		o := old[key(a)]
		switch {
		case o == nil:
			d.add(Add, what, "%s: %s is added if it is master, and announced", list, key(a))
		case !o.Equal(&a):
			d.add(Update, what, "%s: %s gets other attributes", list, key(a))
		}
	}
	same := func(a, b config.Address) bool { return key(a) == key(b) }
	if kept == len(was) && kept == len(now) && !slices.EqualFunc(was, now, same) {
		d.add(Update, what, "%s: the order changes; peers that compare lists complain until theirs is the same", list)
	}
}
