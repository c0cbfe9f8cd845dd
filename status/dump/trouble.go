package dump

import (
	"fmt"

	"holdfast.dev/vrrp"
)

// Troubles are ours: keepalived's dumps have nothing of the kind. Where there are none, nothing is written.

// troubles lists them in the text dump.
func (t *text) troubles(s *Snapshot, st *vrrp.Status) {
	for i := range st.TroubleCount {
		x := &st.Troubles[i]
		t.field("Trouble = %s of %s since %s", x.Kind, blamed(x), s.moment(x.Since.Wall))
		t.member("Evidence = %s", x.Text)
		t.member("Packets = %d, the last %s", x.Count, s.moment(x.Last.Wall))
		t.member("What to do = %s", x.Kind.Advice())
	}
	if st.MoreTroubles > 0 {
		t.field("Troubles besides = %d", st.MoreTroubles)
	}
}

// blamed is who shows a trouble: a source address, or the hardware address of who claims one.
func blamed(x *vrrp.Trouble) string {
	if x.MAC != [6]byte{} {
		return mac(x) + " (" + x.From.String() + ")"
	}
	return x.From.String()
}

func mac(x *vrrp.Trouble) string {
	m := x.MAC
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// troubles lists them in the JSON dump, under a key of its own.
func (j *object) troubles(st *vrrp.Status) {
	if st.TroubleCount == 0 {
		return
	}
	j.key("troubles")
	for i := range st.TroubleCount {
		x := &st.Troubles[i]
		j.b = append(j.b, word(i == 0, "[", ",")...)
		j.open()
		j.str("kind", x.Kind.String())
		j.str("from", x.From.String())
		if x.MAC != [6]byte{} {
			j.str("mac", mac(x))
		}
		j.key("since")
		j.b = fmt.Appendf(j.b, "%f", float64(x.Since.Wall/1000)/1e6)
		j.key("last")
		j.b = fmt.Appendf(j.b, "%f", float64(x.Last.Wall/1000)/1e6)
		j.num("packets", x.Count)
		j.str("evidence", x.Text)
		j.str("advice", x.Kind.Advice())
		j.close()
	}
	j.b = append(j.b, ']')
	if st.MoreTroubles > 0 {
		j.num("more_troubles", uint64(st.MoreTroubles))
	}
}
