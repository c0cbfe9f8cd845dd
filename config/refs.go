package config

import "holdfast.dev/config/schema"

// destination is the network that a route leads to, as written.
func destination(e *schema.Node) string {
	for _, u := range e.Opts {
		if u.Name() == "" || u.Name() == "to" || len(u.Args) > 0 && u.Args[0].Arg.Name == "PREFIX" {
			return u.Args[len(u.Args)-1].Text
		}
	}
	return "without destination"
}

// otherScript reads a command of a part of the file other than VRRP, and counts it in uses if it can be run.
func (b *builder) otherScript(p **Command, n *schema.Node, uses *int) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	user := b.cfg.Global.ScriptUser
	if len(n.Args) > 1 {
		if user, ok = b.account(n.Args[1:]); !ok {
			b.errorf(n.Args[1].Pos, "", "Unable to set uid/gid for %s: unknown user or group", n.Key.Name)
			return
		}
	}
	vrrp := b.scriptUses
	c, why := b.command(v, user)
	b.scriptUses = vrrp
	if why != "" {
		b.notef(v.Pos, "", "%s: %s %s", n.Key.Name, v.Argv[0], why)
		return
	}
	*uses++
	*p = &c
}
