package vrrp

import (
	"fmt"

	"holdfast.dev/vrrp/wire"
)

func (e *Engine) report(l Level, detail int, format string, args ...any) {
	e.do(&Report{Level: l, Detail: detail, Text: fmt.Sprintf(format, args...)})
}

// report tells something about the router, in the form "(VI_1) text" that people search their logs for.
func (r *Router) report(l Level, detail int, format string, args ...any) {
	text := "(" + r.spec.Name + ") " + fmt.Sprintf(format, args...)
	r.engine.do(&Report{Router: r.spec.Name, Level: l, Detail: detail, Text: text})
}

// Kinds of complaints about packets. Each is told once until the state or the accepted master changes (rule F14); the first
// numbers are those of wire.Reason.
const (
	complainAddrs uint8 = iota + 32
	complainInterval
	complainOwner
	complainOwnAddress
	complainSkew
)

// The kinds are bits of Router.complained.
const _ = uint(complainAddrs) - uint(wire.Reasons)

// once reports whether a complaint of the kind is due. The caller words it: most are not, and cost nothing then.
func (r *Router) once(kind uint8) bool {
	if r.complained&(1<<kind) != 0 {
		return false
	}
	r.complained |= 1 << kind
	return true
}
