package config

import (
	"fmt"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// destination is the network that a route leads to, as written.
func destination(e *schema.Node) string {
	for _, u := range e.Opts {
		if u.Name() == "" || u.Name() == "to" || len(u.Args) > 0 && u.Args[0].Arg.Name == "PREFIX" {
			return u.Args[len(u.Args)-1].Text
		}
	}
	return "without destination"
}

// otherScript reads a program of the checkers or of global_defs, which may say who runs it. An unknown account counts as an
// error of the file only for what runs at start and stop.
func (b *builder) otherScript(p **Command, n *schema.Node, uses *int) {
	v, ok := n.Arg(0)
	if !ok {
		return
	}
	if len(n.Args) > 1 {
		user, known := b.account(n.Args[1:])
		if !known {
			class := diag.OK
			if uses == &b.startUses {
				class = diag.GeneralError
			}
			b.say(n.Args[1].Pos, diag.Error, class, "", fmt.Sprintf("Unable to set uid/gid for %s: unknown user or group", n.Key.Name), "")
			return
		}
		b.program(p, n, user, uses)
		return
	}
	if b.userFailed {
		b.errorf(v.Pos, "", "Unable to set default user %s for %s", b.badUser, n.Key.Name)
		return
	}
	b.program(p, n, b.cfg.Global.ScriptUser, uses)
}

// program sets what a keyword runs as user; one that can't be run is left out (rule R4).
func (b *builder) program(p **Command, n *schema.Node, user Credentials, uses *int) {
	v, ok := n.Arg(0)
	if !ok {
		return
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
