package config

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
	"holdfast.dev/config/schema"
)

const maxWeight = 253

// scriptUser is the account that scripts run as when nobody is named and it exists (rule R2).
const scriptUser = "keepalived_script"

// scriptDraft is a vrrp_script while it is read.
type scriptDraft struct {
	Script
	pos  diag.Pos
	bad  bool // it can't be run: who tracks it is told, and does not (rule R4)
	used bool
}

// script reads a vrrp_script block. A second one of the same name changes nothing.
func (b *builder) script(n *schema.Node) {
	delete(b.later, n.Name())
	s := &scriptDraft{pos: n.Pos}
	s.Script = Script{Pos: at(n.Pos), Name: n.Name(), Rise: 1, Fall: 1}
	const second = 1000
	interval, timeout := int64(second), int64(0)
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "interval":
			b.period(s.Name, "interval", k, &interval)
		case "timeout":
			b.period(s.Name, "timeout", k, &timeout)
		case "weight":
			b.scriptWeight(s, k)
		case "rise":
			b.count(s.Name, "rise", k, &s.Rise)
		case "fall":
			b.count(s.Name, "fall", k, &s.Fall)
		case "init_fail":
			s.InitFail = true
		}
	}
	if timeout == 0 {
		timeout = interval
	}
	s.Interval, s.Timeout = time.Duration(interval)*time.Millisecond, time.Duration(timeout)*time.Millisecond
	if !b.scriptCommand(s, n) {
		return
	}
	if _, dup := b.scripts[s.Name]; dup {
		b.notef(n.Pos, "", "vrrp script %s already defined", s.Name)
		return
	}
	b.scripts[s.Name] = s
	b.order = append(b.order, s)
}

// period reads a time in thousandths of a second for which 0 becomes one second.
func (b *builder) period(script, what string, n *schema.Node, p *int64) {
	v, ok := n.Arg(0)
	if ok && v.Int > 0 {
		*p = v.Int
		return
	}
	b.errorf(n.Pos, script, "vrrp script %s must be greater than 0, setting to 1", what)
	*p = 1000
}

func (b *builder) count(script, what string, n *schema.Node, p *int) {
	if v, ok := n.Arg(0); ok {
		*p = int(v.Int)
		return
	}
	b.errorf(n.Pos, script, "vrrp script %s value '%s' invalid, defaulting to 1", what, n.Name())
	*p = 1
}

// scriptWeight reads a weight; one out of range is kept all the same, as in keepalived.
func (b *builder) scriptWeight(s *scriptDraft, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		s.Weight = int(v.Int)
	} else {
		b.errorf(n.Pos, "", "vrrp_script %s weight %s must be in [-%d, %d]", s.Name, n.Name(), maxWeight, maxWeight)
		w, what := lex.Int(n.Name(), 10, -1<<31, 1<<31-1, b.env.Test)
		if !what.OK() {
			return
		}
		s.Weight = int(w)
	}
	s.Reverse = n.Has("reverse")
}

// scriptCommand settles what is run, by whom; ok is false when the script is removed.
func (b *builder) scriptCommand(s *scriptDraft, n *schema.Node) (ok bool) {
	line := last(n.Body, "script")
	if line == nil {
		b.errorf(n.Pos, "", "No script set for vrrp_script %s - removing", s.Name)
		return false
	}
	argv, ok := line.Arg(0)
	if !ok {
		return false
	}
	user := b.cfg.Global.ScriptUser
	if u := last(n.Body, "user"); u != nil {
		var known bool
		if user, known = b.account(u.Args); !known {
			b.errorf(u.Pos, "", "Unable to set uid/gid for script '%s'", argv.Text)
			return false
		}
	} else if b.userFailed {
		b.errorf(line.Pos, "", "Unable to set default user for vrrp script %s - removing", s.Name)
		return false
	}
	c, why := b.command(argv, user)
	if why != "" {
		s.bad = !b.cfg.Global.BrokenFails
		s.Broken = why
		b.notef(line.Pos, "", "script %s: %s", argv.Argv[0], why)
	}
	s.Command = c
	return true
}

// setFlagChoice is true for the second of two words.
func setFlagChoice(p *bool, n *schema.Node) {
	if v, ok := n.Arg(0); ok {
		*p = v.Int == 1
	}
}

// last is the last use of a keyword.
func last(body []schema.Node, key string) *schema.Node {
	for i := len(body) - 1; i >= 0; i-- {
		if body[i].Key.Name == key {
			return &body[i]
		}
	}
	return nil
}

// notify reads a notify script; one that can't be run is left out (rule R4).
func (b *builder) notify(p **Command, who string, n *schema.Node) {
	argv, ok := n.Arg(0)
	if !ok {
		return
	}
	user := b.cfg.Global.ScriptUser
	switch {
	case len(n.Args) > 1:
		var known bool
		if user, known = b.account(n.Args[1:]); !known {
			hint := ""
			if strings.HasPrefix(argv.Text, "/") {
				hint = fmt.Sprintf("is '%s' an argument? then quote the whole command: \"%s %s\"", n.Args[1].Text, argv.Text, n.Args[1].Text)
			}
			b.say(n.Args[1].Pos, diag.Error, diag.OK, who,
				fmt.Sprintf("%s: unknown user or group - the script is not run", n.Key.Name), hint)
			return
		}
	case b.userFailed:
		b.errorf(n.Pos, "", "Unable to set default user %s for script", b.badUser)
		return
	}
	c, why := b.command(argv, user)
	if why != "" {
		b.say(argv.Pos, diag.Error, diag.OK, who, fmt.Sprintf("%s script %s %s - disabling", n.Key.Name, argv.Argv[0], why), "")
		return
	}
	*p = &c
}

// command makes a Command and checks that it can be run (rules R3 to R7); why says why not.
func (b *builder) command(v schema.Value, user Credentials) (c Command, why string) {
	c = Command{Pos: at(v.Pos), Args: v.Argv, User: user}
	if path, ok := strings.CutPrefix(v.Argv[0], "<"); ok && strings.HasPrefix(path, "/") {
		c.Open = path
		return c, ""
	}
	if b.env.Program == nil {
		b.scriptUses++
		return c, ""
	}
	p := b.env.Program(v.Argv[0])
	if p.Problem != "" {
		return c, p.Problem
	}
	path := p.Path
	if b.cfg.Global.SymlinkPaths {
		path = p.Link
	}
	if path != "" {
		c.Args = append([]string{path}, v.Argv[1:]...)
	}
	if p.Insecure != "" && (user.UID == 0 || user.GID == 0 || p.SetRoot) {
		if b.cfg.Global.ScriptSecurity {
			return c, "runs as root and others may change " + p.Insecure
		}
		b.notef(v.Pos, "", "script %s runs as root and others than root may change %s", v.Argv[0], p.Insecure)
		b.insecure = true
	}
	b.scriptUses++
	return c, ""
}

// account looks up "USER [GROUP]".
func (b *builder) account(args []schema.Value) (c Credentials, ok bool) {
	c = Credentials{User: args[0].Text, UID: b.env.UID, GID: b.env.GID}
	if b.env.User == nil {
		return c, true
	}
	if c.UID, c.GID, ok = b.env.User(args[0].Text); !ok {
		return c, false
	}
	if len(args) > 1 && b.env.Group != nil {
		c.GID, ok = b.env.Group(args[1].Text)
	}
	return c, ok
}

// defaultUser is rule R2: who runs scripts that name nobody.
func (b *builder) defaultUser(g *globalDraft) {
	c := Credentials{UID: b.env.UID, GID: b.env.GID}
	switch {
	case g.user != nil && len(g.user.Args) > 0:
		var ok bool
		if c, ok = b.account(g.user.Args); !ok {
			b.errorf(g.user.Pos, "", "Error setting global script uid/gid")
			b.userFailed, b.badUser = true, g.user.Name()
		}
	case b.env.User != nil:
		if uid, gid, ok := b.env.User(scriptUser); ok {
			c = Credentials{User: scriptUser, UID: uid, GID: gid}
		} else {
			b.userFailed, b.badUser = g.ScriptSecurity, scriptUser
		}
	}
	g.ScriptUser = c
}

// namedUser takes script_user. After one that is not known no other is taken.
func (b *builder) namedUser(g *globalDraft, n *schema.Node) {
	if g.user != nil && len(g.user.Args) > 0 {
		if _, ok := b.account(g.user.Args); !ok {
			b.errorf(n.Pos, "", "Error setting global script uid/gid")
			return
		}
	}
	g.user = n
}

// earlyUser is what becomes of the default user where global_defs needs it before it says who that is: it is settled then, and
// script_user comes too late.
func (b *builder) earlyUser(tree []schema.Node) (failed bool) {
	if b.env.User == nil {
		return false
	}
	if _, _, there := b.env.User(scriptUser); there {
		return false
	}
	security, named := false, false
	for i := range tree {
		for j := range tree[i].Body {
			if tree[i].Key.Name != "global_defs" {
				break
			}
			switch k := &tree[i].Body[j]; k.Key.Name {
			case "enable_script_security":
				security = true
			case "script_user":
				if failed {
					b.errorf(k.Pos, "", "Error setting global script uid/gid")
				}
				named = true
			case "startup_script", "shutdown_script", "notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo", "notify_fifo_script", "vrrp_notify_fifo_script", "lvs_notify_fifo_script":
				if security && !named && !failed && len(k.Args) == 1 {
					b.say(k.Pos, diag.Error, diag.GeneralError, "", "Unable to set default user "+scriptUser+" for script", "script_user must stand above this line")
					failed = true
				}
			}
		}
	}
	if failed {
		b.userFailed, b.badUser = true, scriptUser
	}
	return failed
}

// usedScripts keeps the scripts that something tracks (rule A34), in the order of the file.
func (b *builder) usedScripts() {
	for _, s := range b.order {
		switch {
		case s.used:
			b.cfg.Scripts = append(b.cfg.Scripts, s.Script)
		case s.bad && len(b.drafts) > 0:
			b.errorf(s.pos, "", "Disabling track script %s since not found/accessible", s.Name)
		case !s.bad:
			b.notef(s.pos, "", "Warning - script %s is not used", s.Name)
		}
	}
}

// scriptSecurity is rule R6: one error for each kind of scripts, of those that something runs. Where an interface is missing
// keepalived does not come to those of VRRP.
func (b *builder) scriptSecurity() {
	if b.cfg.Global.ScriptSecurity {
		return
	}
	if len(b.drafts) == 0 {
		b.scriptUses = 0
	}
	if len(b.cfg.Services) == 0 {
		b.checkUses = 0
	}
	tail := ""
	if b.insecure {
		tail = " There are insecure scripts."
	}
	for i, kind := range []struct {
		name string
		uses int
	}{{"", b.scriptUses}, {"check ", b.checkUses}, {"start/shutdown ", b.startUses}} {
		if kind.uses == 0 {
			continue
		}
		class := diag.SecurityError
		if i == 0 && b.badIface {
			class = diag.OK
		}
		b.say(diag.Pos{}, diag.Error, class, "",
			"SECURITY VIOLATION - "+kind.name+"scripts are being executed but script_security not enabled."+tail, "put enable_script_security into global_defs")
	}
}
