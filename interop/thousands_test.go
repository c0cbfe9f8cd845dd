package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// TestThousandsAnnounced: a MASTER of 5,000 addresses announces each of them, and nobody misses an advert of its meanwhile: the other router, which
// would take over then, stays BACKUP.
func TestThousandsAnnounced(t *testing.T) {
	t.Parallel()
	long(t)
	const many = 5000
	l := lab.New(t, lab.Options{Nodes: 2})
	a, b := l.Nodes[0], l.Nodes[1]
	var list strings.Builder
	for i := range many {
		fmt.Fprintf(&list, "\t\t10.7.%d.%d/32\n", i>>8, i&255)
	}
	high, low := media[0].router(a, b, 200), media[0].router(b, a, 100)
	high.Lines = append(high.Lines, "garp_master_repeat 1", "garp_master_delay 0", "garp_master_refresh 5", "virtual_ipaddress_excluded {\n"+list.String()+"\t}")
	s := l.Scene(high.VR())
	from := time.Now()
	b.Start(ours(t), lab.File{Routers: []lab.Router{low}}.Text())
	a.Start(ours(t), lab.File{Routers: []lab.Router{high}}.Text())
	s.Elect(a, low.Down()+high.Down())
	seen := map[netip.Addr]bool{}
	l.WaitFor("all addresses are announced", time.Minute, func() bool {
		for _, c := range l.Claims(a, from) {
			if !c.Asked && c.Addr.Is4() && c.Addr.As4()[1] == 7 {
				seen[c.Addr] = true
			}
		}
		return len(seen) == many
	})
	s.Stay(2 * second)
	s.End()
}
