package dump

import (
	"fmt"
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/vrrp"
)

// scopes are the names of iproute2.
var scopes = map[uint8]string{0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}

// address is one address as keepalived describes it (outputs.md section 8). set says that the kernel holds it for us.
func address(c *config.Config, a *config.Address, set bool) string {
	var b strings.Builder
	b.WriteString(a.Addr().String())
	if !a.Peer.IsValid() && a.Prefix.Bits() < a.Addr().BitLen() {
		fmt.Fprintf(&b, "/%d", a.Prefix.Bits())
	}
	if a.Broadcast.IsValid() {
		fmt.Fprintf(&b, " brd %s", a.Broadcast)
	}
	fmt.Fprintf(&b, " dev %s", a.Dev)
	flag := func(on bool, word string) {
		if on {
			b.WriteString(" " + word)
		}
	}
	flag(a.UseVMAC, "use_vmac")
	scope, ok := scopes[a.Scope]
	if !ok {
		scope = fmt.Sprint(a.Scope)
	}
	b.WriteString(" scope " + scope)
	flag(a.Label != "", "label "+a.Label)
	if a.Peer.IsValid() {
		fmt.Fprintf(&b, " peer %s/%d", a.Peer, a.Prefix.Bits())
	}
	flag(a.Home, "home")
	flag(a.DAD, "-nodad")
	flag(a.ManageTemp, "mngtmpaddr")
	flag(a.NoPrefixRoute, "noprefixroute")
	flag(a.AutoJoin, "autojoin")
	flag(a.NoTrack, "no_track")
	if a.TrackGroup > 0 {
		flag(true, "track_group "+c.TrackGroups[a.TrackGroup-1].Name)
	}
	if a.Addr().Is6() {
		switch a.Preferred {
		case 0:
			flag(true, "deprecated")
		case config.LifetimeForever:
			flag(true, "preferred_lft forever")
		default:
			flag(true, fmt.Sprint("preferred_lft ", a.Preferred))
		}
	}
	flag(set, "set")
	return b.String()
}

// Held reports whether the kernel holds all addresses of an instance for us. Of which it holds some nobody tells, so none is called set
// then.
func Held(in *config.Instance, st *vrrp.Status) bool {
	seen := map[config.Address]bool{}
	for _, list := range [][]config.Address{in.Addresses, in.Excluded} {
		for i := range list {
			seen[config.Address{Prefix: list[i].Prefix, Dev: list[i].Dev}] = true
		}
	}
	return st.Addresses > 0 && st.Addresses >= len(seen)
}

// notify is a script of a kind, as the dumps call it.
type notify struct {
	label, key string
	command    *config.Command // nil for none
}

func notifies(n *config.Notify) []notify {
	return []notify{
		{"Backup state transition script", "script_backup", n.Backup},
		{"Master state transition script", "script_master", n.Master},
		{"Fault state transition script", "script_fault", n.Fault},
		{"Stop state transition script", "script_stop", n.Stop},
		{"Deleted state transition script", "script_deleted", n.Deleted},
		{"Generic state transition script", "script", n.Any},
		{"Master rx lower pri script", "script_master_rx_lower_pri", n.LowerPrio},
		{"Trouble script", "script_trouble", n.Trouble},
	}
}

// command is a program with every word in single quotes.
func command(c *config.Command) string {
	if c.Open != "" {
		return "'<" + c.Open + "'"
	}
	words := make([]string, len(c.Args))
	for i, w := range c.Args {
		words[i] = "'" + w + "'"
	}
	return strings.Join(words, " ")
}
