package supervisor

import (
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
)

// choose notes in a configuration that is to come into force what depends on this machine and this daemon, and says so where that is
// new.
func (s *Supervisor) choose(cfg *config.Config) {
	said := s.opt.choose(&s.hooks, cfg)
	if s.cfg != nil {
		was, is := &s.cfg.Global.Firewall, &cfg.Global.Firewall
		if was.UseIptables && is.UseIptables && was.NoIpsets == is.NoIpsets {
			is.UseIpsets = was.UseIpsets // whatever was installed meanwhile
		}
	}
	for _, text := range said {
		if !slices.Contains(s.chose, text) {
			s.say(logs.Info, "%s", text)
		}
	}
	s.chose = said
}

func (o *Options) choose(h *Hooks, cfg *config.Config) (said []string) {
	cfg.Global.Firewall.Owner = o.PIDFile
	if h.Firewall != nil {
		said = h.Firewall(cfg)
	}
	return said
}
