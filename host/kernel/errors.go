package kernel

import (
	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// refusal is an error that the kernel answered a request with.
type refusal struct {
	errno unix.Errno
	words string // NLMSGERR_ATTR_MSG: the kernel's own words, where it has any
}

func (r *refusal) Error() string {
	if r.words == "" {
		return r.errno.Error()
	}
	return r.errno.Error() + ": " + r.words
}

func (r *refusal) Unwrap() error { return r.errno }

// verdict reads the body of an NLMSG_ERROR, or of an NLMSG_DONE, whose errno stands in the same place: nil for success.
func verdict(m message) *refusal {
	if len(m.body) < 4 {
		return nil
	}
	code := int32(native.Uint32(m.body))
	if code == 0 {
		return nil
	}
	r := &refusal{errno: unix.Errno(-code)}
	if m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return r
	}
	b := m.body[4:]
	if m.typ == unix.NLMSG_ERROR { // the request, or with NLM_F_CAPPED its header, is in between
		if len(b) < headerLen {
			return r
		}
		n := headerLen
		if m.flags&unix.NLM_F_CAPPED == 0 {
			n = align(int(min(native.Uint32(b), uint32(len(b)))))
		}
		b = b[min(n, len(b)):]
	}
	for a := (attrs{b: b}); a.next(); {
		if a.typ == unix.NLMSGERR_ATTR_MSG {
			r.words = text(a.val)
		}
	}
	return r
}

func notThere(op *host.Op, errno unix.Errno) bool {
	switch {
	case op.Route != nil: // ENOENT: there is no such table
		return errno == unix.ESRCH || errno == unix.ENOENT || errno == unix.ENODEV
	case op.Rule != nil:
		return errno == unix.ENOENT
	}
	return errno == unix.EADDRNOTAVAIL
}

// result is what the answer means to the Reconciler.
func result(op *host.Op, r *refusal) host.OpResult {
	switch {
	case r == nil:
		return host.OpResult{}
	case r.errno == unix.EEXIST && !op.Delete:
		return host.OpResult{Outcome: host.Exists}
	case op.Delete && notThere(op, r.errno):
		return host.OpResult{Outcome: host.NotThere}
	case r.errno == unix.ENODEV:
		return host.OpResult{Outcome: host.NoLink}
	}
	return host.OpResult{Outcome: host.Refused, Text: r.Error()}
}
