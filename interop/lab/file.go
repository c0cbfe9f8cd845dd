package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// File is a keepalived.conf, as far as the scenarios need one.
type File struct {
	StartupDelay time.Duration // whole seconds
	Global       []string      // more lines of global_defs
	Scripts      []string      // whole vrrp_script blocks
	Routers      []Router
	Groups       []string // whole vrrp_sync_group blocks
}

// Router is a vrrp_instance. Zero values leave a line out.
type Router struct {
	Name     string
	State    string
	Version  int // 2 or 3, always written
	VRID     uint8
	Priority int
	Interval time.Duration
	VIPs     []string // as in virtual_ipaddress, and more words behind
	Src      string   // unicast_src_ip
	Peers    []string // unicast_peer
	Lines    []string // anything else
}

// Text is the file.
func (f File) Text() string {
	var b strings.Builder
	b.WriteString("global_defs {\n\trouter_id interop\n")
	if f.StartupDelay > 0 {
		fmt.Fprintf(&b, "\tvrrp_startup_delay %d\n", int(f.StartupDelay.Seconds()))
	}
	for _, line := range f.Global {
		b.WriteString("\t" + line + "\n")
	}
	b.WriteString("}\n")
	for _, s := range f.Scripts {
		b.WriteString(s + "\n")
	}
	for _, s := range f.Groups {
		b.WriteString(s + "\n")
	}
	for _, r := range f.Routers {
		b.WriteString(r.text())
	}
	return b.String()
}

func (r Router) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\t"+format+"\n", args...) }
	fmt.Fprintf(&b, "vrrp_instance %s {\n", r.Name)
	line("version %d", r.Version)
	if r.State != "" {
		line("state %s", r.State)
	}
	line("interface eth0")
	line("virtual_router_id %d", r.VRID)
	line("priority %d", r.Priority)
	line("advert_int %g", r.Interval.Seconds())
	if r.Src != "" {
		line("unicast_src_ip %s", r.Src)
	}
	if len(r.Peers) > 0 {
		line("unicast_peer {\n\t\t%s\n\t}", strings.Join(r.Peers, "\n\t\t"))
	}
	for _, l := range r.Lines {
		line("%s", l)
	}
	line("virtual_ipaddress {\n\t\t%s\n\t}", strings.Join(r.VIPs, "\n\t\t"))
	b.WriteString("}\n")
	return b.String()
}

// VR is what a Scene asserts on.
func (r Router) VR() VR {
	v := VR{ID: r.VRID, Interval: r.Interval}
	for _, text := range r.VIPs {
		word, _, _ := strings.Cut(text, " ")
		v.VIPs = append(v.VIPs, netip.MustParsePrefix(word).Addr())
	}
	return v
}

// Skew is the skew time of the router with a priority (rule B1).
func (r Router) Skew(priority int) time.Duration {
	unit := time.Second
	if r.Version == 3 {
		unit = r.Interval
	}
	return time.Duration(256-priority) * unit / 256
}

// Down is how long the router waits for a silent master (rule B2).
func (r Router) Down() time.Duration { return 3*r.Interval + r.Skew(r.Priority) }

// Settled is the time after the last start at which the file allows no more than one master: every instance has heard
// the others or waited for them.
func (f File) Settled() (d time.Duration) {
	for _, r := range f.Routers {
		d = max(d, r.Down())
	}
	return d + f.StartupDelay
}
