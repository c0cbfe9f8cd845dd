package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
	"holdfast.dev/node"
	"holdfast.dev/transport/specs"
	"holdfast.dev/vrrp"
)

// file is a configuration file of one node, before it is written.
type file struct {
	delay    time.Duration
	stepDown bool
	garpGap  time.Duration
	group    bool // the first two routers are a sync group
	routers  []instance
	static   bool // an address is held whatever the elections say
	broken   bool // keepalived would refuse it
}

// instance is one vrrp_instance.
type instance struct {
	name       string
	link       string
	vrid       uint8
	version    uint8
	ipv6       bool
	master     bool
	priority   uint8
	interval   time.Duration
	down       int
	noPreempt  bool
	preempt    time.Duration
	higher     bool
	noAnswer   bool
	timerBack  bool
	password   string
	signing    signing
	source     string   // unicast
	peers      []string // unicast
	transport  carried
	addresses  []string
	excluded   []string
	vmac       bool // the addresses stand on a macvlan
	header     bool // the password is that of an Authentication Header
	routes     []string
	rules      []string
	script     string
	weight     int
	tracked    string // another interface that must be up
	untracked  bool   // its own need not be
	closed     bool   // its addresses do not accept packets
	garpDelay  time.Duration
	garpRepeat int
	refresh    time.Duration
}

// String is the file as an operator would have written it.
func (f *file) String() string {
	var b strings.Builder
	b.WriteString("global_defs {\n    dynamic_interfaces\n    enable_script_security\n    script_user root\n")
	if f.delay > 0 {
		fmt.Fprintf(&b, "    vrrp_startup_delay %g\n", f.delay.Seconds())
	}
	if f.stepDown {
		b.WriteString("    vrrp_lost_address step_down\n")
	}
	if f.garpGap > 0 {
		fmt.Fprintf(&b, "    vrrp_garp_interval %g\n    vrrp_gna_interval %g\n", f.garpGap.Seconds(), f.garpGap.Seconds())
	}
	b.WriteString("}\n")
	if f.static {
		fmt.Fprintf(&b, "static_ipaddress {\n    %s dev eth1\n}\n", staticAddress)
	}
	if f.broken {
		b.WriteString("vrrp_instance unfinished {\n    interface eth0\n}\n")
	}
	seen := map[string]bool{}
	for i := range f.routers {
		if s := f.routers[i].script; s != "" && !seen[s] {
			seen[s] = true
			fmt.Fprintf(&b, "vrrp_script %s {\n    script /bin/true\n    interval 1\n}\n", s)
		}
	}
	if f.group && len(f.routers) > 1 {
		fmt.Fprintf(&b, "vrrp_sync_group G {\n    group {\n        %s\n        %s\n    }\n}\n", f.routers[0].name, f.routers[1].name)
	}
	for i := range f.routers {
		f.routers[i].write(&b)
	}
	return b.String()
}

// staticAddress is what every node holds if a file says so.
const staticAddress = "10.8.0.1/32"

func (r *instance) write(b *strings.Builder) {
	line := func(on bool, format string, args ...any) {
		if on {
			fmt.Fprintf(b, "    "+format+"\n", args...)
		}
	}
	list := func(word string, entries []string) {
		if len(entries) > 0 {
			fmt.Fprintf(b, "    %s {\n        %s\n    }\n", word, strings.Join(entries, "\n        "))
		}
	}
	fmt.Fprintf(b, "vrrp_instance %s {\n", r.name)
	line(true, "interface %s", r.link)
	line(true, "virtual_router_id %d", r.vrid)
	line(true, "version %d", r.version)
	line(r.master, "state MASTER")
	line(!r.master, "state BACKUP")
	line(true, "priority %d", r.priority)
	line(true, "advert_int %g", r.interval.Seconds())
	line(r.down != 3, "down_timer_adverts %d", r.down)
	line(r.noPreempt, "nopreempt")
	line(r.preempt > 0, "preempt_delay %g", r.preempt.Seconds())
	line(r.higher, "higher_prio_send_advert")
	line(r.noAnswer, "lower_prio_no_advert")
	line(r.timerBack, "timer_expired_backup 100")
	line(r.garpDelay != 5*time.Second, "garp_master_delay %g", r.garpDelay.Seconds())
	line(r.garpRepeat != 5, "garp_master_repeat %d", r.garpRepeat)
	line(r.refresh > 0, "garp_master_refresh %g", r.refresh.Seconds())
	line(r.ipv6, "native_ipv6")
	line(r.untracked, "dont_track_primary")
	line(r.closed, "no_accept")
	line(r.vmac, "use_vmac")
	if r.password != "" {
		kind := "PASS"
		if r.header {
			kind = "AH"
		}
		fmt.Fprintf(b, "    authentication {\n        auth_type %s\n        auth_pass %s\n    }\n", kind, r.password)
	}
	b.WriteString(r.signing.String())
	line(r.source != "", "unicast_src_ip %s", r.source)
	list("unicast_peer", r.peers)
	r.transport.write(b)
	if r.script != "" {
		list("track_script", []string{fmt.Sprintf("%s weight %d", r.script, r.weight)})
	}
	if r.tracked != "" {
		list("track_interface", []string{r.tracked})
	}
	list("virtual_ipaddress", r.addresses)
	list("virtual_ipaddress_excluded", r.excluded)
	list("virtual_routes", r.routes)
	list("virtual_rules", r.rules)
	b.WriteString("}\n")
}

// load reads a text as the daemon would. Texts are read once per world: the operators write the same ones again and again.
func (w *World) load(text string) (*vrrp.Config, error) {
	if c, ok := w.loaded[text]; ok {
		if c == nil {
			return nil, errBroken
		}
		return c, nil
	}
	res := config.Load(oneFile(text), confPath, environment)
	var c *vrrp.Config
	if res.Config != nil {
		c = node.VRRPConfig(res.Config)
		w.carried[text] = nil
		if specs.Needed(res.Config) {
			w.carried[text] = specs.Carrier(res.Config)
		}
	}
	w.loaded[text] = c
	if c == nil {
		return nil, errBroken
	}
	return c, nil
}

var errBroken = errors.New("the file is refused")

const confPath = "/etc/keepalived/keepalived.conf"

var environment = config.Env{
	Expand: expand.Env{NodeName: "sim", Dir: "/etc/keepalived"},
	CPUs:   1,
	Interface: func(name string) (config.Interface, bool) {
		return config.Interface{Multicast: true, Ethernet: true, MTU: 1500}, name == "eth0" || name == "eth1"
	},
	User:    func(name string) (uid, gid uint32, ok bool) { return 0, 0, name == "root" },
	Group:   func(name string) (uint32, bool) { return 0, name == "root" },
	Program: func(name string) config.Program { return config.Program{Path: name, Link: name} },
}

// oneFile is a file system with nothing but a configuration.
type oneFile string

var errNoFile = errors.New("no such file or directory")

// Stat describes the file.
func (f oneFile) Stat(path string) (expand.Facts, error) {
	if path != confPath && pems[path] == "" {
		return expand.Facts{}, errNoFile
	}
	return expand.Facts{Regular: true}, nil
}

// Read returns the file.
func (f oneFile) Read(path string) (string, expand.Facts, error) {
	facts, err := f.Stat(path)
	if text := pems[path]; text != "" {
		return text, facts, err
	}
	return string(f), facts, err
}

// List names the file.
func (f oneFile) List(string) ([]string, error) { return []string{"keepalived.conf"}, nil }
