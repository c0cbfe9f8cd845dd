package vrrp

import "holdfast.dev/notify"

// Those who are told of states know routers by their names. A reload may give the name of one virtual router to another: what was told last
// stays with the name, so that nothing is told twice and the last word is true. A router whose name is new is renamed, which nobody is told
// of (rule P5).

// toldNames is what was told last under every name, or is about to be.
func (e *Engine) toldNames() map[string]string {
	words := make(map[string]string, len(e.routers))
	for _, r := range e.routers {
		words[r.spec.Name] = r.toldLast
		if r.told != nil {
			words[r.spec.Name] = r.told.State
		}
	}
	return words
}

// removeAll takes those routers out of the configuration that the next one does not have. One whose name another router gets is told as
// deleted at once, before anything is told of that.
func (e *Engine) removeAll(kept map[*Router]bool, next *Config, words map[string]string) {
	e.removeTogether(kept)
	named := make(map[string]bool, len(next.Routers))
	for i := range next.Routers {
		named[next.Routers[i].Name] = true
	}
	for _, r := range e.routers {
		if kept[r] {
			continue
		}
		e.remove(r)
		if name := r.spec.Name; named[name] {
			r.tell(notify.Deleted) // which is all that will be told of it
			words[name] = notify.Deleted
		}
	}
}

// takeName gives a new router what was told last under its name.
func (r *Router) takeName(words map[string]string) {
	if word := words[r.spec.Name]; word != notify.Deleted {
		r.toldLast = word
	}
}

// changeName does so for one that had another name, if this one was another router's. It reports whether something else was told under it
// than what was told of the router.
func (r *Router) changeName(words map[string]string) bool {
	word := words[r.spec.Name]
	if word == "" || word == r.toldLast {
		return false
	}
	r.toldLast = word
	return true
}

// tellState tells a state under a name that was another router's when something else was told under it.
func (r *Router) tellState() {
	if word := r.state.word(); word != "" && r.told == nil {
		r.tell(word)
	}
}
