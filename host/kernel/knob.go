package kernel

import (
	"errors"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// applyKnob switches promote_secondaries of a link. This goes over netlink as everything else: there is no file to open.
func (q *requests) applyKnob(op *host.Op) host.OpResult {
	on := uint32(0)
	if op.Knob.On {
		on = 1
	}
	now, known := uint32(0), false
	_, err := q.ask(unix.RTM_GETLINK, 0, linkRequest(op.Index), func(m message) {
		if m.typ == unix.RTM_NEWLINK && len(m.body) >= ifInfoLen {
			now, known = promotes(m.body[ifInfoLen:])
		}
	})
	switch {
	case err != nil:
		return failed(err)
	case known && now == on:
		return host.OpResult{Outcome: host.Exists}
	}
	if err = q.conf4(op.Index, confPromote, on); err != nil {
		return failed(err)
	}
	return host.OpResult{}
}

func failed(err error) host.OpResult {
	var r *refusal
	switch {
	case errors.Is(err, unix.ENODEV):
		return host.OpResult{Outcome: host.NoLink}
	case errors.As(err, &r):
		return host.OpResult{Outcome: host.Refused, Text: r.Error()}
	}
	return host.OpResult{Outcome: host.Unknown, Text: err.Error()}
}

// promotes finds the present value among the attributes of a link.
func promotes(b []byte) (v uint32, known bool) {
	for a := (attrs{b: b}); a.next(); {
		for f := (attrs{b: a.val}); a.typ == unix.IFLA_AF_SPEC && f.next(); {
			for c := (attrs{b: f.val}); f.typ == unix.AF_INET && c.next(); {
				if at := 4 * (confPromote - 1); c.typ == inetConf && len(c.val) >= at+4 {
					return native.Uint32(c.val[at:]), true
				}
			}
		}
	}
	return 0, false
}
