package dump

import (
	"time"

	"holdfast.dev/config"
	"holdfast.dev/vrrp"
)

// Data is what keepalived's VRRP process writes on SIGUSR1 (outputs.md section 8): the labels are an interface. What the daemon does
// not know of itself, such as file descriptors, is left out.
func Data(s *Snapshot) []byte {
	t := &text{}
	t.global(s.Config)
	t.garpGroups(s.Config)
	if len(s.Config.Instances) > 0 {
		t.section("VRRP Topology")
		for i := range s.Config.Instances {
			t.instance(s, &s.Config.Instances[i])
		}
	}
	if len(s.Config.Groups) > 0 {
		t.section("VRRP Sync groups")
		for i := range s.Config.Groups {
			t.group(s, &s.Config.Groups[i])
		}
	}
	if len(s.Config.Scripts) > 0 {
		t.section("VRRP Scripts")
		for i := range s.Config.Scripts {
			t.script(s, &s.Config.Scripts[i])
		}
	}
	return t.b
}

func (t *text) instance(s *Snapshot, in *config.Instance) {
	st := s.Of(in)
	t.object("VRRP Instance = %s", in.Name)
	t.field("VRRP Version = %d", in.Version)
	if in.SyncGroup != "" {
		t.field("Sync group = %s", in.SyncGroup)
	}
	if in.Family == config.IPv6 {
		t.field("Using Native IPv6")
	}
	t.state(s, in, &st)
	t.network(in, &st)
	t.announcing(in)
	t.election(in, &st)
	t.auth(in)
	t.addresses(s.Config, in, &st)
	t.peers(in)
	t.trackers(&in.Track)
	t.field("Using smtp notification = %s", word(in.SMTPAlert, "yes", "no"))
	t.field("Notify deleted = %s", word(in.Notify.TellDeleted, "Deleted", "Fault"))
	t.scripts(in.Notify)
	t.field("Notify priority changes = %t", in.NotifyPriority)
}

// state is what the election has made of it.
func (t *text) state(s *Snapshot, in *config.Instance, st *vrrp.Status) {
	t.field("State = %s", st.State)
	if st.State == vrrp.Backup && st.Master.IsValid() {
		t.field("Master router = %s", st.Master)
		t.field("Master priority = %d", st.MasterPriority)
		if in.Version == 3 {
			t.field("Master advert interval = %d milli-sec", st.MasterInterval.Milliseconds())
		}
	}
	if len(in.Peers) == 0 && in.Preempt {
		t.field("Flags: none")
	} else {
		t.field("Flags:")
	}
	if len(in.Peers) > 0 {
		t.member("Using unicast")
	}
	t.field("Wantstate = %s", wanted(in, st))
	t.field("Number of config faults = %d", len(in.Faults))
	t.field("Number of tracker faults = %d", max(st.Faults-len(in.Faults), 0))
	if st.Fault != "" {
		t.field("Fault reason = %s", st.Fault)
	}
	t.troubles(s, st)
	t.field("Last transition = %s", s.moment(st.Since.Wall))
	t.field("Master down timer = %d usecs", downTimer(in, st).Microseconds())
}

func (t *text) network(in *config.Instance, st *vrrp.Status) {
	if v := in.Virtual; v != nil {
		up := st.State == vrrp.Backup || st.State == vrrp.Master
		t.field("Use %s, i/f name %s, is_up = %t, xmit_base = %t", word(v.IPVLAN, "IPVLAN", "VMAC"), v.Name, up, v.XmitBase)
	}
	if in.Interface != "" {
		t.field("Interface = %s", in.Interface)
	}
	if st.Source.IsValid() {
		t.field("Using src_ip = %s%s", st.Source, word(in.Source.IsValid(), " (from configuration)", ""))
	}
	if in.Group.IsValid() {
		t.field("Multicast address %s", in.Group)
	}
	if in.DontTrackPrimary {
		t.field("VRRP interface tracking disabled")
	}
	if in.SkipCheckAddrs {
		t.field("Skip checking advert IP addresses")
	}
	if in.Strict {
		t.field("Enforcing strict VRRP compliance")
	}
}

// announcing is what is sent, and how often.
func (t *text) announcing(in *config.Instance) {
	g := in.Garp
	t.field("Gratuitous ARP delay = %d", seconds(g.Delay))
	t.field("Gratuitous ARP repeat = %d", g.Repeat)
	t.field("Gratuitous ARP refresh = %d", seconds(g.Refresh))
	t.field("Gratuitous ARP refresh repeat = %d", g.RefreshRepeat)
	t.field("Gratuitous ARP lower priority delay = %d", seconds(g.LowerPrioDelay))
	t.field("Gratuitous ARP lower priority repeat = %d", g.LowerPrioCount)
	t.field("Down timer adverts = %d", in.DownTimerAdverts)
	t.field("Send advert after receive lower priority advert = %t", !in.LowerPrioNoAdvert)
	t.field("Send advert after receive higher priority advert = %t", in.HigherPrioAdvert)
}

func (t *text) election(in *config.Instance, st *vrrp.Status) {
	t.field("Virtual Router ID = %d", in.VRID)
	t.field("Priority = %d", in.Priority)
	t.field("Effective priority = %d", st.Priority)
	t.field("Total priority = %d", st.Priority)
	if in.Version == 2 {
		t.field("Advert interval = %d sec", seconds(in.AdvertInterval))
	} else {
		t.field("Advert interval = %d milli-sec", in.AdvertInterval.Milliseconds())
	}
	t.field("Accept = %s", word(in.Accept, "enabled", "disabled"))
	t.field("Preempt = %s", word(in.Preempt, "enabled", "disabled"))
	if in.PreemptDelay > 0 {
		t.field("Preempt delay = %g secs", in.PreemptDelay.Seconds())
	}
	t.field("Promote_secondaries = %s", word(in.PromoteSecondaries, "enabled", "disabled"))
}

// auth never shows a secret: the file can be read by others than the configuration.
func (t *text) auth(in *config.Instance) {
	switch in.Auth.Type {
	case config.AuthPass:
		t.field("Authentication type = SIMPLE_PASSWORD")
	case config.AuthAH:
		t.field("Authentication type = IPSEC_AH")
	default:
		if in.HMAC != nil {
			t.field("Authentication extension = HMAC-SHA256-128")
		}
		return
	}
	t.field("Password = ********")
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
