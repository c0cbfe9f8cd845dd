package view

import (
	"fmt"
	"time"

	"holdfast.dev/vrrp"
)

// Conflict is something that is wrong between an instance and others on its network (docs/troubles.md).
type Conflict struct {
	Kind     string    `json:"kind"`
	Who      string    `json:"who"`           // the source of the adverts, or the address that is claimed
	MAC      string    `json:"mac,omitempty"` // of the station that claims it
	Since    time.Time `json:"since"`
	Last     time.Time `json:"last"`
	Packets  uint64    `json:"packets"`
	Evidence string    `json:"evidence"` // what it said, and what was expected
	Advice   string    `json:"advice"`   // what to do
}

func (s *Source) conflicts(st *vrrp.Status) []Conflict {
	out := []Conflict{}
	for i := range st.TroubleCount {
		t := &st.Troubles[i]
		c := Conflict{
			Kind: t.Kind.String(), Who: text(t.From), Since: s.wall(t.Since.Wall), Last: s.wall(t.Last.Wall), Packets: t.Count,
			Evidence: t.Text, Advice: t.Kind.Advice(),
		}
		if t.MAC != [6]byte{} {
			c.MAC = fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", t.MAC[0], t.MAC[1], t.MAC[2], t.MAC[3], t.MAC[4], t.MAC[5])
		}
		out = append(out, c)
	}
	return out
}

// String is the conflict as it stands among the troubles.
func (c *Conflict) String() string {
	who := c.Who
	if c.MAC != "" {
		who = c.MAC
	}
	return fmt.Sprintf("%s: %s %s. %s", c.Kind, who, c.Evidence, c.Advice)
}
