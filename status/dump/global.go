package dump

import "holdfast.dev/config"

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
	t.object("Send advert after receive lower priority advert = %t", !v.LowerPrioNoAdvert)
	t.object("Send advert after receive higher priority advert = %t", v.HigherPrioAdvert)
	t.object("Gratuitous ARP interval = %f", v.GarpInterval.Seconds())
	t.object("Gratuitous NA interval = %f", v.GNAInterval.Seconds())
	t.object("VRRP default protocol version = %d", v.Version)
	t.object("VRRP check unicast_src = %t", v.CheckUnicastSource)
	t.object("VRRP skip check advert addresses = %t", v.SkipCheckAddresses)
	t.object("VRRP strict mode = %t", v.Strict)
	t.tuning("VRRP", &g.VRRPProcess)
	t.object("Script security %s", word(g.ScriptSecurity, "enabled", "disabled"))
	t.object("Default script uid:gid %d:%d", g.ScriptUser.UID, g.ScriptUser.GID)
}

func (t *text) tuning(who string, p *config.ProcessTuning) {
	t.object("%s process priority = %d", who, p.Nice)
	t.object("%s don't swap = %t", who, p.NoSwap)
	t.object("%s realtime priority = %d", who, p.RealTime)
	t.object("%s realtime limit = %d", who, p.RTTime.Microseconds())
}
