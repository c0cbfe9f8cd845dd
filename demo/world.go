package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast.dev/internal/netns"
)

// The addresses of the demonstration: documentation addresses (RFC 5737) in namespaces that nothing else can see.
const (
	lanPrefix  = "/24"
	clientAddr = "192.0.2.50"
	vip        = "192.0.2.100"
	service    = 7000 // UDP port of the little service that the client uses
)

// world is a network of three hosts and a switch, each a network namespace.
type world struct {
	dir    string
	lan    *netns.NS // the switch
	client *netns.NS
	hosts  []*host
}

// host is one router: a namespace with eth0, whose other end is a port of the switch.
type host struct {
	name, addr string
	priority   int
	ns         *netns.NS
	port       string // its port on the switch
	conf       string // path of its keepalived.conf
	daemon     *daemon
	service    *answerer
}

// newWorld builds the network and writes the two configurations.
func newWorld(dir string) (w *world, err error) {
	w = &world{dir: dir}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.lan, err = netns.New(); err != nil {
		return w, err
	}
	if err = w.lan.AddBridge("switch"); err != nil {
		return w, err
	}
	if err = w.lan.SetUp("switch"); err != nil {
		return w, err
	}
	if w.client, err = netns.New(); err != nil {
		return w, err
	}
	if err = w.plug(w.client, "client", clientAddr); err != nil {
		return w, err
	}
	for i, name := range []string{"alpha", "beta"} {
		h := &host{name: name, addr: fmt.Sprintf("192.0.2.%d", i+1), priority: 200 - 100*i, port: name}
		w.hosts = append(w.hosts, h)
		if h.ns, err = netns.New(); err != nil {
			return w, err
		}
		if err = w.plug(h.ns, h.port, h.addr); err != nil {
			return w, err
		}
		if h.service, err = serve(h); err != nil {
			return w, err
		}
		h.conf = filepath.Join(dir, name+".conf")
		if err = os.WriteFile(h.conf, []byte(config(h)), 0o600); err != nil {
			return w, err
		}
	}
	return w, nil
}

// plug connects a namespace's eth0 to the switch.
func (w *world) plug(ns *netns.NS, port, addr string) error {
	if err := w.lan.AddVeth(port, ns, "eth0"); err != nil {
		return err
	}
	if err := w.lan.SetMaster(port, "switch"); err != nil {
		return err
	}
	if err := w.lan.SetUp(port); err != nil {
		return err
	}
	if err := ns.AddAddr("eth0", addr+lanPrefix); err != nil {
		return err
	}
	return ns.SetUp("eth0")
}

// close takes everything away again.
func (w *world) close() {
	for _, h := range w.hosts {
		if h.daemon != nil {
			h.daemon.kill()
		}
		if h.service != nil {
			h.service.close()
		}
		if h.ns != nil {
			h.ns.Close()
		}
	}
	for _, ns := range []*netns.NS{w.client, w.lan} {
		if ns != nil {
			ns.Close()
		}
	}
}

// config is an ordinary keepalived.conf.
func config(h *host) string {
	return strings.ReplaceAll(fmt.Sprintf(`vrrp_instance web {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 1
    virtual_ipaddress {
        %s/24
    }
}
`, h.priority, vip), "\t", "    ")
}
