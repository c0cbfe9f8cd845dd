package supervisor

import (
	"fmt"
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// reload reads the files again. While something is under way it waits, one deep: whoever asks twice has changed the
// files before the second time, and that is what the one that waits will read.
func (s *Supervisor) reload() {
	switch {
	case s.stopping:
		return
	case s.busy():
		if !s.queued {
			s.say(logs.Info, "Reload already in progress, request queued")
		}
		s.queued = true
		return
	}
	s.say(logs.Info, "Reloading ...")
	s.sd.reloading()
	s.say(logs.Info, "Configuration file %s", s.opt.ConfigFile)
	s.loading = true
	sign, asked := s.reloadFile(s.cfg), s.cfg.Global.Reload
	go func() { // a file system may hang; the roles shall not be alone then
		res, troubles := s.read(sign, asked)
		s.post(func() {
			s.troubles(troubles...)
			s.loaded(&res)
		})
	}()
}

// loaded goes on with a reload when the files were read.
func (s *Supervisor) loaded(res *config.Result) {
	s.loading = false
	if s.stopping {
		return
	}
	s.tell(res.Diags)
	if why, _ := s.acceptable(res); why != "" {
		s.refuse(why, 0)
		return
	}
	s.choose(res.Config)
	if what := s.unchangeable(res.Config); what != "" {
		s.refuse(fmt.Sprintf("Cannot change %s at a reload - please restart %s", what, s.opt.Called), 0)
		return
	}
	res.Config = s.withPeers(res.Config)
	if s.busy() { // a role died meanwhile and is on its way back
		s.queued = true
		return
	}
	s.dump(res.Config)
	s.loads++
	s.saveText(res)
	s.saveState(res.Config, ".pre")
	s.begin(res.Config)
}

// acceptable says why a configuration can't be run with, and the exit code that this is; empty if it can.
func (s *Supervisor) acceptable(res *config.Result) (why string, code int) {
	if res.Config == nil {
		return fatalReason(res.Diags)
	}
	for _, u := range res.Config.Uses {
		if !s.opt.without(u.Part) {
			return fmt.Sprintf("%s: %s: what this keyword asks for is not built yet", u.Pos, u.Keyword), role.ExitConfig
		}
	}
	if why := s.unchecked(res.Config, res.Diags); why != "" {
		return why, role.ExitConfig
	}
	return "", 0
}

// without reports whether the command line leaves a part out.
func (o *Options) without(p config.Part) bool {
	switch p {
	case config.PartChecker:
		return o.OnlyVRRP
	case config.PartBFD:
		return o.NoBFD
	}
	return false
}

// fatalReason finds the first fatal diagnostic. A file that could not be read has a code of its own (cli.tsv).
func fatalReason(ds *diag.List) (string, int) {
	for _, d := range ds.All() {
		if d.Severity != diag.Fatal {
			continue
		}
		if d.Class == diag.FileNotFound || d.Class == diag.OK {
			return d.Keepalived(), diag.ExitSecurity
		}
		return d.Keepalived(), role.ExitConfig
	}
	return "the configuration has errors", role.ExitConfig // --strict
}

// unchangeable names what a reload would have to change and can't (rule P2); empty for nothing.
func (s *Supervisor) unchangeable(next *config.Config) string {
	was, is := &s.cfg.Process, &next.Process
	switch {
	case s.opt.Namespace == "" && was.Namespace != is.Namespace:
		return "network namespace"
	case !equalText(was.NamespaceIPVS, is.NamespaceIPVS):
		return "IPVS network namespace"
	case was.Instance != is.Instance:
		return "instance name"
	case s.opt.PIDFile == "" && was.UsePidDir != is.UsePidDir:
		return "pid directory"
	case rechained(&s.cfg.Global.Firewall, &next.Global.Firewall):
		return "chains of iptables, or sets of ipset,"
	}
	for keyword, name := range fixed {
		if !slices.EqualFunc(rest(s.cfg, keyword), rest(next, keyword), slices.Equal[[]string]) {
			return name
		}
	}
	return ""
}

// rechained reports whether rules of ours would have to go from some chains to others, or from some sets to others, of which some may be the
// same.
func rechained(was, is *config.Firewall) bool {
	return was.UseIptables && is.UseIptables &&
		(!slices.Equal(was.Chains, is.Chains) || was.UseIpsets != is.UseIpsets || was.UseIpsets && !slices.Equal(was.Ipsets, is.Ipsets))
}

// fixed are keywords without a field of their own that can't be changed by a reload.
var fixed = map[string]string{
	"nftables": "nftables table name", "nftables_ipvs": "IPVS nftables table name",
	"tmp_config_directory": "config_directory", "disable_local_igmp": "disable_local_igmp",
}

// rest is every use of a keyword that has no field in the model.
func rest(c *config.Config, keyword string) (uses [][]string) {
	for _, it := range c.Global.Rest {
		if len(it.Words) > 0 && it.Words[0] == keyword {
			uses = append(uses, it.Words)
		}
	}
	return uses
}

func equalText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// tell logs what there is to say about a file.
func (s *Supervisor) tell(ds *diag.List) {
	levels := map[diag.Severity]int{diag.Note: logs.Info, diag.Warning: logs.Info, diag.Error: logs.Err, diag.Fatal: logs.Err}
	for _, d := range ds.Sorted() {
		text := d.Keepalived()
		if d.Hint != "" {
			text += " [" + d.Hint + "]"
		}
		s.say(levels[d.Severity], "%s", text)
	}
	if n := ds.Lost(); n > 0 {
		s.say(logs.Err, "%d more findings about the configuration are not shown", n)
	}
}
