package dump

import (
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// counters are those of keepalived's statistics, which sum up several of ours.
type counters struct {
	length, ttl, kind, interval, list  uint64
	authType, authMismatch, authFailed uint64
}

func count(st *vrrp.Stats) counters {
	sum := func(reasons ...wire.Reason) (n uint64) {
		for _, r := range reasons {
			n += st.Dropped[r]
		}
		return n
	}
	return counters{
		length: sum(wire.TooShort, wire.TooLong, wire.IPTruncated, wire.BadIPHeader), ttl: sum(wire.WrongTTL), kind: sum(wire.BadType),
		interval: sum(wire.BadInterval) + st.IntervalDiffers, list: st.AddrList,
		authType: sum(wire.BadAuthType), authMismatch: sum(wire.AuthMismatch),
		authFailed: sum(wire.BadPassword, wire.BadAH, wire.BadICV, wire.BadSPI, wire.AHReplayed),
	}
}

// Stats is what keepalived writes on SIGUSR2 (outputs.md section 7).
func Stats(s *Snapshot) []byte {
	t := &text{}
	for i := range s.Config.Instances {
		in := &s.Config.Instances[i]
		st := s.Of(in)
		c := count(&st.Stats)
		t.b = append(t.b, "VRRP Instance: "+in.Name+"\n"...)
		t.counts(2, "Advertisements", "Received", st.Stats.Received, "Sent", st.Stats.Sent)
		t.line(2, "Became master: %d", st.Stats.BecomeMaster)
		t.line(2, "Released master: %d", st.Stats.ReleaseMaster)
		t.counts(2, "Packet Errors", "Length", c.length, "TTL", c.ttl, "Invalid Type", c.kind,
			"Advertisement Interval", c.interval, "Address List", c.list)
		t.counts(2, "Authentication Errors", "Invalid Type", c.authType, "Type Mismatch", c.authMismatch, "Failure", c.authFailed)
		d := &st.Stats.Dropped
		t.counts(2, "Authentication Extension Errors", "Missing", d[wire.TrailerMissing], "Malformed", d[wire.TrailerMalformed],
			"Unknown Key", d[wire.TrailerUnknownKey], "Invalid HMAC", d[wire.TrailerInvalid], "Stale", d[wire.TrailerStale],
			"Replay", d[wire.TrailerReplayed])
		t.counts(2, "Priority Zero", "Received", st.Stats.ZeroReceived, "Sent", st.Stats.ZeroSent)
	}
	return t.b
}

// counts writes a header and pairs of a name and a number.
func (t *text) counts(n int, title string, pairs ...any) {
	t.line(n, "%s:", title)
	for i := 0; i < len(pairs); i += 2 {
		t.line(n+2, "%s: %d", pairs[i], pairs[i+1])
	}
}
