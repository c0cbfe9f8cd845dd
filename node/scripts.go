package node

import (
	"holdfast.dev/config"
	"holdfast.dev/notify"
	"holdfast.dev/track"
)

// Groups finds the supplementary groups of a user; nil where they can't be known.
type Groups func(user string, gid uint32) []uint32

// NotifySpec translates a configuration into what the notification queues are told.
func NotifySpec(c *config.Config, gen uint64, groups Groups) notify.Spec {
	s := notify.Spec{Gen: gen}
	for i := range c.Instances {
		in := &c.Instances[i]
		o := notifyObject(notify.Instance, in.Name, in.Notify, groups)
		o.TellDeleted = in.Notify.TellDeleted
		s.Objects = append(s.Objects, o)
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		o := notifyObject(notify.Group, g.Name, &g.Notify, groups)
		o.Members = g.Members
		s.Objects = append(s.Objects, o)
	}
	s.Pipes = pipes(c, groups)
	g := &c.Global.Notify
	s.Limits.Merge, s.Limits.Run = g.Merge, g.Limit
	return s
}

// pipes are the named pipes for the events of VRRP. The same path twice is one pipe, the reader is then that of notify_fifo.
func pipes(c *config.Config, groups Groups) (out []notify.PipeSpec) {
	for _, f := range []*config.FIFO{c.Global.FIFO.All, c.Global.FIFO.VRRP} {
		if f == nil || len(out) > 0 && out[0].Path == f.Path {
			continue
		}
		p := notify.PipeSpec{Path: f.Path, UID: f.User.UID, GID: f.User.GID}
		if f.Script != nil {
			s := script(f.Script, groups)
			s.Args = append(s.Args[:len(s.Args):len(s.Args)], f.Path)
			p.Reader = &s
		}
		out = append(out, p)
	}
	return out
}

func notifyObject(kind notify.Object, name string, n *config.Notify, groups Groups) notify.ObjectSpec {
	o := notify.ObjectSpec{Object: kind, Name: name, Scripts: map[string]notify.Script{}}
	for state, cmd := range map[string]*config.Command{
		notify.Master: n.Master, notify.Backup: n.Backup, notify.Fault: n.Fault, notify.Stop: n.Stop,
		notify.Deleted: n.Deleted, notify.MasterRxLowPrio: n.LowerPrio,
		notify.Trouble: n.Trouble, notify.TroubleOver: n.Trouble,
	} {
		if cmd != nil {
			o.Scripts[state] = script(cmd, groups)
		}
	}
	if n.Any != nil {
		any := script(n.Any, groups)
		o.Any = &any
	}
	return o
}

func script(c *config.Command, groups Groups) notify.Script {
	return notify.Script{
		Args: c.Args, Open: c.Open, UID: c.User.UID, GID: c.User.GID, Groups: groups(c.User.User, c.User.GID),
	}
}

// TrackSpecs translates the vrrp_scripts of a configuration.
func TrackSpecs(c *config.Config, groups Groups) []track.Spec {
	var specs []track.Spec
	for i := range c.Scripts {
		s := &c.Scripts[i]
		specs = append(specs, track.Spec{
			Name: s.Name, Args: s.Command.Args, Open: s.Command.Open, Broken: s.Broken,
			UID: s.Command.User.UID, GID: s.Command.User.GID, Groups: groups(s.Command.User.User, s.Command.User.GID),
			Interval: s.Interval, Timeout: s.Timeout, Rise: s.Rise, Fall: s.Fall,
		})
	}
	return specs
}
