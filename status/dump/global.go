package dump

import (
	"fmt"

	"holdfast.dev/config"
)

// Global is what keepalived's parent process writes on SIGUSR1.
func Global(c *config.Config) []byte {
	t := &text{}
	t.global(c)
	return t.b
}

func (t *text) global(c *config.Config) {
	g, v := &c.Global, &c.Global.VRRP
	t.section("Global definitions")
	t.object("Network namespace = %s", word(c.Process.Namespace == "", "(default)", c.Process.Namespace))
	if c.Process.Instance != "" {
		t.object("Instance name = %s", c.Process.Instance)
	}
	t.object("Router ID = %s", g.RouterID)
	t.object("Dynamic interfaces = %t", v.DynamicInterfaces != config.DynamicOff)
	t.object("Default interface = %s", v.DefaultInterface)
	t.object("VRRP notify priority changes = %t", v.NotifyPriority)
	t.object("VRRP IPv4 mcast group = %s", v.Group4)
	t.object("VRRP IPv6 mcast group = %s", v.Group6)
	t.object("Gratuitous ARP delay = %d", seconds(v.Garp.Delay))
	t.object("Gratuitous ARP repeat = %d", v.Garp.Repeat)
	t.object("Gratuitous ARP refresh timer = %d", seconds(v.Garp.Refresh))
	t.object("Gratuitous ARP refresh repeat = %d", v.Garp.RefreshRepeat)
	t.object("Gratuitous ARP lower priority delay = %d", seconds(v.Garp.LowerPrioDelay))
	t.object("Gratuitous ARP lower priority repeat = %d", v.Garp.LowerPrioCount)
	t.object("Num adverts before down = %d", v.DownTimerAdverts)
	if v.GarpExtra > 0 {
		t.object("Gratuitous ARP for each secondary i/f = %ds", seconds(v.GarpExtra))
	}
	t.object("Send advert after receive lower priority advert = %t", !v.LowerPrioNoAdvert)
	t.object("Send advert after receive higher priority advert = %t", v.HigherPrioAdvert)
	t.object("Gratuitous ARP interval = %f", v.GarpInterval.Seconds())
	t.object("Gratuitous NA interval = %f", v.GNAInterval.Seconds())
	t.object("VRRP default protocol version = %d", v.Version)
	t.firewall(c)
	t.object("VRRP check unicast_src = %t", v.CheckUnicastSource)
	t.object("VRRP skip check advert addresses = %t", v.SkipCheckAddresses)
	t.object("VRRP strict mode = %t", v.Strict)
	t.tuning("VRRP", &g.VRRPProcess)
	t.object("Script security %s", word(g.ScriptSecurity, "enabled", "disabled"))
	t.object("Default script uid:gid %d:%d", g.ScriptUser.UID, g.ScriptUser.GID)
}

// firewall tells of nftables where they are asked for or needed (rule A19).
func (t *text) firewall(c *config.Config) {
	f := &c.Global.Firewall
	table := f.Nftables
	for i := range c.Instances {
		if table == "" && bars(&c.Instances[i]) {
			table = "keepalived"
		}
	}
	if table == "" {
		return
	}
	t.object("nftables table name = %s", table)
	t.object("nftables base chain priority = %d", f.Priority)
	if f.IfIndex {
		t.object("nftables force use ifindex for link local IPv6")
	}
	if f.Counters {
		t.object("nftables with counters")
	}
}

// bars reports whether packets to the addresses of an instance are dropped while it is MASTER.
func bars(in *config.Instance) bool { return !in.Accept && !in.Owner() }

// garpGroups tells of the links that share a gap between announcements.
func (t *text) garpGroups(c *config.Config) {
	if len(c.GarpGroups) == 0 {
		return
	}
	t.section("Gratuitous ARP delays")
	for i := range c.GarpGroups {
		g := &c.GarpGroups[i]
		t.section(fmt.Sprint("GARP delay group ", i+1))
		if g.ARP > 0 {
			t.object("GARP interval = %g", g.ARP.Seconds())
		}
		if g.NA > 0 {
			t.object("GNA interval = %g", g.NA.Seconds())
		}
		t.object("Interfaces")
		for _, name := range g.Interfaces {
			t.line(2, "%s", name)
		}
	}
}

func (t *text) tuning(who string, p *config.ProcessTuning) {
	t.object("%s process priority = %d", who, p.Nice)
	t.object("%s don't swap = %t", who, p.NoSwap)
	t.object("%s realtime priority = %d", who, p.RealTime)
	t.object("%s realtime limit = %d", who, p.RTTime.Microseconds())
}
