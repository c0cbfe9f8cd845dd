package config_test

import (
	"errors"
	"net/netip"
	"path"
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
)

// files is a file system in memory.
type tree map[string]string

func (f tree) Stat(p string) (expand.Facts, error) {
	if _, ok := f[path.Clean(p)]; ok {
		return expand.Facts{Regular: true, Shared: strings.HasSuffix(p, "shared")}, nil
	}
	return expand.Facts{}, errors.New("no such file or directory")
}

func (f tree) Read(p string) (string, expand.Facts, error) {
	facts, err := f.Stat(p)
	return f[path.Clean(p)], facts, err
}

func (f tree) List(dir string) ([]string, error) {
	var names []string
	for p := range f {
		if path.Dir(p) == path.Clean(dir) {
			names = append(names, path.Base(p))
		}
	}
	return names, nil
}

// interfaces of the machine that the tests pretend to run on.
var interfaces = map[string]config.Interface{
	"lo":   {Loopback: true, MTU: 65536},
	"eth0": {Multicast: true, Ethernet: true, MTU: 1500, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.9/24")}},
	"eth1": {Multicast: true, Ethernet: true, MTU: 1500},
	"tiny": {Multicast: true, Ethernet: true, MTU: 68},
	"ib0":  {Multicast: true, MTU: 2044},
	"tun0": {MTU: 1400},
}

var users = map[string]uint32{"root": 0, "nobody": 65534, "alice": 1000}

// machine is an environment in which everything is known.
func machine(test bool) config.Env {
	return config.Env{
		Expand: expand.Env{NodeName: "lb1.example.org", Dir: "/etc/keepalived"},
		Test:   test,
		CPUs:   4,
		Interface: func(name string) (config.Interface, bool) {
			i, ok := interfaces[name]
			return i, ok
		},
		User: func(name string) (uid, gid uint32, ok bool) {
			id, ok := users[name]
			return id, id, ok
		},
		Group: func(name string) (uint32, bool) {
			return 65534, name == "nogroup"
		},
		Program: program,
	}
}

func program(name string) config.Program {
	switch {
	case strings.Contains(name, "missing"):
		return config.Program{Problem: "not found"}
	case strings.HasPrefix(name, "/tmp/"):
		return config.Program{Path: name, Link: name, Insecure: "/tmp"}
	case strings.HasPrefix(name, "/link/"):
		return config.Program{Path: "/real/" + path.Base(name), Link: name}
	case !strings.HasPrefix(name, "/"):
		return config.Program{Path: "/usr/bin/" + name, Link: "/usr/bin/" + name}
	}
	return config.Program{Path: name, Link: name}
}

// load loads a text as /etc/keepalived/keepalived.conf of that machine.
func load(text string, test bool) config.Result {
	f := tree{
		"/etc/keepalived/keepalived.conf": text, "/etc/keepalived/other.conf": "# nothing\n",
		"/names/rt_tables": "# names\n77 blue\n", "/names/rt_tables.d/more.conf": "0x4f green\n",
		"/names/key": "0123456789abcdef0123456789abcdef\n", "/names/shared": "0123456789abcdef0123456789abcdef\n",
	}
	return config.Load(f, "/etc/keepalived/keepalived.conf", machine(test))
}
