package config

import "holdfast.dev/config/schema"

// early builds virtual servers while the text is read, so that their lines need not be kept: there may be tens of
// thousands. It takes those that nothing else in the file has a say in, but for defaults in global_defs.
type early struct {
	*builder
	late  bool // a default was set: the servers that follow wait
	wrong bool // a default was set behind servers that were built without
}

// earlyService is a virtual server that was built while the text was read.
type earlyService struct {
	services []Service // one, or none for a block that is left out
	uses     []Use
}

// serverDefaults are the keywords of global_defs that the model of any virtual server depends on.
var serverDefaults = set[string]{"smtp_alert": {}, "smtp_alert_checker": {}, "checker_log_all_failures": {}}

// hear is next, and watches the keywords of global_defs.
func (e *early) hear(next func(*schema.Node)) func(*schema.Node) {
	return func(n *schema.Node) {
		if serverDefaults.has(n.Key.Name) {
			e.late = true
			e.wrong = len(e.early) > 0
		}
		next(n)
	}
}

// take builds a block of the top level if it can; it tells whether its content is needed no more.
func (e *early) take(n *schema.Node) bool {
	if n.Key.Name != "virtual_server" || n.Name() == "group" || e.late || !selfContained(n.Body) {
		return false
	}
	b := e.builder
	b.virtualServer(n)
	b.unbuilt(n)
	b.early = append(b.early, earlyService{b.cfg.Services, b.cfg.Uses})
	b.cfg.Services, b.cfg.Uses = nil, nil
	return true
}

// selfContained reports whether nothing in a virtual server runs a program, which is what other blocks say who does and how,
// or names another block.
func selfContained(body []schema.Node) bool {
	for i := range body {
		switch n := &body[i]; n.Key.Name {
		case "quorum_up", "quorum_down", "notify_up", "notify_down", "MISC_CHECK", "FILE_CHECK", "BFD_CHECK":
			return false
		case "real_server":
			if !selfContained(n.Body) {
				return false
			}
		}
	}
	return true
}

// isEarly reports whether a node is what is left of a block that was built early: no other is without arguments.
func isEarly(n *schema.Node) bool { return n.Key.Name == "virtual_server" && len(n.Args) == 0 }

// fromEarly puts a service that was built early into its place; ok is false for a block that was not.
func (b *builder) fromEarly(n *schema.Node) (ok bool) {
	if !isEarly(n) {
		return false
	}
	b.cfg.Services = append(b.cfg.Services, b.early[b.placed].services...)
	b.placed++
	return true
}
