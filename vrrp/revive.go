package vrrp

import "holdfast.dev/vrrp/wire"

// Revive completes an engine that was made of the memory of another one, without what only its interfaces held: the keys, which are made of
// the specifications again. It reports false if those have them not.
func (e *Engine) Revive() bool {
	for _, r := range e.owners {
		if r.ah != nil {
			r.ah.key = wire.NewAHKey(r.spec.Password)
		}
		if r.hmac != nil && !r.hmac.revive() {
			return false
		}
		if r.seen != nil && (r.seen.used < 0 || r.seen.used > troubleRoom) {
			return false
		}
	}
	return true
}

func (h *hmacState) revive() bool {
	for i, k := range h.keys {
		made := h.make(k.ID())
		if made == nil {
			return false
		}
		if h.keys[i] = made; h.active == k {
			h.active = made
		}
	}
	return true
}

// make makes a key of the specification; nil if there is none of that ID.
func (h *hmacState) make(id uint8) *wire.TrailerKey {
	for i := range h.spec.Keys {
		if s := &h.spec.Keys[i]; s.ID == id {
			k, _ := wire.NewTrailerKey(id, s.Secret)
			return k
		}
	}
	return nil
}
