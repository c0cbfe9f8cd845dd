package dump

import (
	"holdfast.dev/config"
	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

func (t *text) addresses(c *config.Config, in *config.Instance, st *vrrp.Status) {
	set, barred := Held(in, st), ""
	if set && bars(in) {
		barred = " nftable_set" // an address stands only behind the firewall
	}
	if len(in.Addresses) > 0 {
		t.field("Virtual IP (%d):", len(in.Addresses))
		for i := range in.Addresses {
			t.member("%s", address(c, &in.Addresses[i], set)+barred)
		}
	}
	if len(in.Excluded) > 0 {
		t.field("Virtual IP Excluded :")
		for i := range in.Excluded {
			t.member("%s", address(c, &in.Excluded[i], set)+barred)
		}
	}
}

func (t *text) peers(in *config.Instance) {
	if len(in.Peers) == 0 {
		return
	}
	if in.TTL > 0 {
		t.field("Unicast TTL = %d", in.TTL)
	}
	t.field("Check unicast src : %s", word(in.CheckSource, "yes", "no"))
	t.field("Unicast Peer :")
	for _, p := range in.Peers {
		t.member("%s min_ttl %d max_ttl %d", p.Addr, p.MinTTL, p.MaxTTL)
	}
}

func (t *text) trackers(tr *config.Tracking) {
	if len(tr.Interfaces) > 0 {
		t.field("Tracked interfaces :")
		for _, x := range tr.Interfaces {
			t.member("%s weight %d%s", x.Name, x.Weight, word(x.Reverse, " reverse", ""))
		}
	}
	if len(tr.Scripts) > 0 {
		t.field("Tracked scripts :")
		for _, x := range tr.Scripts {
			t.member("%s weight %d%s", x.Name, x.Weight, word(x.Reverse, " reverse", ""))
		}
	}
	for _, k := range []struct {
		kind  config.TrackKind
		title string
	}{{config.OfFile, "Tracked files :"}, {config.OfProcess, "Tracked processes :"}, {config.OfBFD, "Tracked BFDs :"}} {
		title := k.title
		for _, x := range tr.Others {
			if x.Kind != k.kind {
				continue
			}
			if title != "" {
				t.field("%s", title)
				title = ""
			}
			t.member("%s weight %d%s", x.Name, x.Weight, word(x.Reverse, " reverse", ""))
		}
	}
}

func (t *text) scripts(n *config.Notify) {
	for _, x := range notifies(n) {
		if c := x.command; c != nil {
			t.field("%s = %s, uid:gid %d:%d", x.label, command(c), c.User.UID, c.User.GID)
		}
	}
}

func (t *text) group(s *Snapshot, g *config.SyncGroup) {
	t.object("VRRP Sync Group = %s, %s", g.Name, s.Group(g))
	faults, inits := 0, 0
	for _, name := range g.Members {
		switch s.Status[name].State {
		case vrrp.Fault:
			faults++
		case vrrp.Init:
			inits++
		}
	}
	t.field("Num member fault %d, num member init %d", faults, inits)
	t.field("VRRP member instances :")
	for _, name := range g.Members {
		t.member("%s", name)
	}
	t.trackers(&g.Track)
	t.field("Using smtp notification = %s", word(g.SMTPAlert, "yes", "no"))
	t.scripts(&g.Notify)
}

// verdicts are keepalived's words for the state of a script. Before its first result there is none.
var verdicts = map[track.Status]string{track.Up: "GOOD", track.Down: "BAD"}

func (t *text) script(s *Snapshot, sc *config.Script) {
	c := s.Config
	t.object("VRRP Script = %s", sc.Name)
	t.field("Command = %s", command(&sc.Command))
	t.field("Interval = %g sec", sc.Interval.Seconds())
	t.field("Timeout = %g sec", sc.Timeout.Seconds())
	t.field("Weight = %d%s", sc.Weight, word(sc.Reverse, " reverse", ""))
	t.field("Rise = %d", sc.Rise)
	t.field("Fall = %d", sc.Fall)
	if v := verdicts[s.Sources[track.ID{Kind: track.OfScript, Name: sc.Name}].Status]; v != "" {
		t.field("Status = %s", v)
	}
	t.field("Script uid:gid = %d:%d", sc.Command.User.UID, sc.Command.User.GID)
	t.field("VRRP instances :")
	for i := range c.Instances {
		in := &c.Instances[i]
		for _, x := range in.Track.Scripts {
			if x.Name == sc.Name {
				t.member("%s, weight %d%s", in.Name, x.Weight, word(x.Reverse, " reverse", ""))
			}
		}
	}
	t.result(s, sc.Name)
}
