package explain

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/transport"
)

// writer puts paragraphs together.
type writer struct{ strings.Builder }

func (w *writer) title(format string, args ...any) {
	if w.Len() > 0 {
		w.WriteByte('\n')
	}
	fmt.Fprintf(w, format+"\n", args...)
}

func (w *writer) say(format string, args ...any) {
	w.WriteString("  - " + fmt.Sprintf(format, args...) + "\n")
}

// File explains what will happen with a configuration: who wins each election and why, how long a failover takes, and what
// each tracker can change.
func File(c *config.Config) string {
	w := new(writer)
	start(w, c)
	for i := range c.Instances {
		instance(w, c, &c.Instances[i])
	}
	for i := range c.Groups {
		group(w, c, &c.Groups[i])
	}
	for i := range c.Services {
		service(w, &c.Services[i])
	}
	if w.Len() == 0 {
		return "This configuration asks for nothing: no virtual router, no static address, no virtual server.\n"
	}
	return w.String()
}

// Findings lists what in a file is not as it was meant: these values are not in force, others are. It is empty for a clean
// file. At most 20 are listed.
func Findings(l *diag.List) string {
	w := new(writer)
	const most = 20
	n := 0
	for _, d := range l.Sorted() {
		if d.Severity == diag.Note {
			continue
		}
		if n++; n == 1 {
			w.title("Not as written")
		}
		if n <= most {
			if text := d.Text; d.Pos.IsValid() {
				w.say("%s: %s", d.Pos, text)
			} else {
				w.say("%s", text)
			}
		}
	}
	if n > most {
		w.say("and %d more; holdfast check shows them all", n-most)
	}
	return w.String()
}

// start explains what is before the first election.
func start(w *writer, c *config.Config) {
	v := &c.Global.VRRP
	if len(c.Instances) == 0 || v.StartupDelay == 0 && v.DelayAfterBoot == 0 {
		return
	}
	w.title("Start")
	if v.StartupDelay > 0 {
		w.say("vrrp_startup_delay: for the first %s nobody here becomes master, except that adverts of others are heard. The down timers begin after it, "+
			"so the first take-over is at the earliest %s plus the time given below after the start.", Seconds(v.StartupDelay), Seconds(v.StartupDelay))
		w.say("A reload during the delay does not restart it and can't make a second master. keepalived 2.2.7 never ends the delay then: it stays deaf and " +
			"becomes a second master; mind this while the other node still runs it.")
	}
	if v.DelayAfterBoot > 0 {
		w.say("vrrp_delay_after_boot: the same until %s after the machine booted.", Seconds(v.DelayAfterBoot))
	}
}

func instance(w *writer, c *config.Config, i *config.Instance) {
	w.title("%s: virtual router %d on %s, VRRP version %d, %s", i.Name, i.VRID, link(i), i.Version, i.Family)
	for _, f := range i.Faults {
		w.say("It stays in FAULT and never becomes master: %s.", f)
	}
	election(w, c, i)
	preemption(w, i)
	failover(w, i)
	peers(w, i)
	trackers(w, c, i)
	addresses(w, i)
}

func link(i *config.Instance) string {
	if i.Interface == "" {
		return "no interface of its own"
	}
	return i.Interface
}

func election(w *writer, c *config.Config, i *config.Instance) {
	if i.Owner() {
		w.say("Priority 255: this node owns the addresses. It becomes master at once when it starts, and trackers never change its priority.")
		return
	}
	low, high := Bounds(c, i)
	if low == high {
		w.say("Priority %d: it loses against every node with a higher one and wins against every node with a lower one. At %d on both the higher address wins.", i.Priority, i.Priority)
	} else {
		w.say("Priority %d, which trackers move between %d and %d: it wins for sure only against nodes below %d, and loses for sure only against nodes above %d.", i.Priority, low, high, low, high)
	}
	if i.WantMaster {
		w.say("\"state MASTER\" does not make it master: the first election waits like any other. Only the priority decides.")
	}
	if i.SyncGroup != "" {
		w.say("It is a member of sync group %s: it becomes master only together with all members, and leaves with them.", i.SyncGroup)
	}
}

func preemption(w *writer, i *config.Instance) {
	switch {
	case i.Owner():
	case !i.Preempt:
		w.say("nopreempt: while a master with a lower priority sends adverts, this node leaves it alone, also after a repair or reboot. It takes over only when adverts stop.")
	case i.PreemptDelay > 0:
		w.say("It takes the addresses back from a master with a lower priority, %s after it first hears it (preempt_delay) and the down time.", Seconds(i.PreemptDelay))
	default:
		w.say("It takes the addresses back from a master with a lower priority as soon as its down time has passed: after a repair there is a second, short move. nopreempt or preempt_delay changes that.")
	}
}

func failover(w *writer, i *config.Instance) {
	p := int(i.Priority)
	w.say("An advert goes out every %s. When a master falls silent this node takes over after %s (%d × %s + skew %s).", Seconds(i.AdvertInterval),
		Seconds(Down(i, p)), i.DownTimerAdverts, Seconds(i.AdvertInterval), Seconds(Skew(i, p)))
	w.say("When a master stops in good order, or has a fault, it says so with priority 0: then it takes %s.", Seconds(Skew(i, p)))
	if i.ExpiredBackup > 0 {
		w.say("If this node stood still for longer than the others wait, it becomes BACKUP and listens before it takes over again.")
	}
}

func peers(w *writer, i *config.Instance) {
	if !i.Unicast() {
		w.say("Adverts go to %s by multicast: a network that filters multicast or IP protocol 112 makes every node a master.", i.Group)
		return
	}
	var names []string
	for _, p := range i.Peers {
		names = append(names, p.Addr.String())
	}
	for _, n := range i.PeerNames() {
		names = append(names, n.Name)
	}
	src := "the first address of the interface"
	if i.Source.IsValid() {
		src = i.Source.String()
	}
	w.say("Adverts go from %s to %s only. Each of these must list %s among its unicast_peer; one that does not never hears this node.", src, strings.Join(names, ", "), src)
	if len(i.PeerNames()) > 0 {
		w.say("A DNS name stands for all addresses of its family that it has, but for our own. They are looked up while the daemon runs, and the last known ones stay while that fails. Until the first is known the instance is in FAULT.")
	}
	if carried(w, i) {
		return
	}
	if !i.CheckSource {
		w.say("Adverts from anybody are believed: check_unicast_src limits them to the peers.")
	}
}

// carried explains a transport of ours.
func carried(w *writer, i *config.Instance) bool {
	c := i.Carry()
	if c == nil {
		return false
	}
	how := map[transport.Kind]string{
		transport.UDP: "in UDP datagrams", transport.TCP: "over one TCP connection for each peer", transport.TLS: "over one connection for each peer, by TLS 1.3 with certificates on both sides",
	}[c.Kind]
	w.say("They travel %s, port %d: only nodes that run holdfast understand that. Adverts are taken from peers only%s.", how, c.Port,
		map[bool]string{true: ", and a peer is who its certificate or key says", false: ""}[c.Kind == transport.TLS])
	if c.ID != 0 {
		w.say("The number %d (transport_id) tells them from those of other instances with this virtual_router_id.", c.ID)
	}
	if c.FastFail {
		w.say("When the connection to the master ends and its machine says that nobody listens there any more, this node takes over at once, if no living peer comes before it.")
	}
	return true
}

func addresses(w *writer, i *config.Instance) {
	var names []string
	for n := range i.Addresses {
		names = append(names, i.Addresses[n].Prefix.String())
	}
	for n := range i.Excluded {
		names = append(names, i.Excluded[n].Prefix.String()+" (not in adverts)")
	}
	if len(names) == 0 {
		w.say("It holds no address: the election alone counts.")
		return
	}
	w.say("The master holds %s.", strings.Join(names, ", "))
	if r := i.Routing; r != nil {
		w.say("With the addresses come and go %s.", routing(r))
	}
	if !i.Accept && !i.Owner() {
		w.say("Accept mode is off (%s): packets to these addresses that are for this machine itself are dropped, so nobody can ping or connect to them. \"accept\" changes that.", reason(i))
	}
}

// routing counts what an instance puts into the routing tables.
func routing(r *config.Routing) string {
	count := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	return count(len(r.Routes), "route") + " (virtual_routes) and " + count(len(r.Rules), "rule") + " (virtual_rules)"
}

func reason(i *config.Instance) string {
	if i.Strict {
		return "because of strict mode"
	}
	return "no_accept"
}

func group(w *writer, c *config.Config, g *config.SyncGroup) {
	w.title("Sync group %s: %s", g.Name, strings.Join(g.Members, ", "))
	w.say("All members are master on one node together. A fault of any of them takes all addresses away; they come back when no member has a fault.")
	low, high := 256, 0
	for _, m := range g.Members {
		if i, ok := c.Instance(m); ok {
			low, high = min(low, int(i.Priority)), max(high, int(i.Priority))
		}
	}
	if low < high {
		w.say("The members have priorities from %d to %d: they may want different nodes. Give all members of a group the same.", low, high)
	}
}

func service(w *writer, s *config.Service) {
	name := s.Group
	switch {
	case s.HasMark:
		name = fmt.Sprintf("mark %d", s.Mark)
	case s.Addr.IsValid():
		name = fmt.Sprintf("%s port %d", s.Addr, s.Port)
	}
	servers := "1 real server"
	if n := len(s.Servers); n > 1 {
		servers = fmt.Sprintf("%d real servers", n)
	}
	w.title("Virtual server %s: %s over %s", name, s.Scheduler, servers)
	w.say("It is up while the weights of the working servers add up to %d.", s.Quorum)
	if s.Sorry != nil {
		w.say("Below that %s answers.", s.Sorry.Addr)
	}
	for n := range s.Servers {
		rs := &s.Servers[n]
		if len(rs.Checkers) == 0 {
			w.say("%s has no checker: it is used whether it works or not.", rs.Addr)
			continue
		}
		var longest time.Duration
		for k := range rs.Checkers {
			ch := &rs.Checkers[k]
			longest = max(longest, ch.Delay+time.Duration(ch.Retry+1)*ch.Timeout+time.Duration(ch.Retry)*ch.RetryDelay)
		}
		w.say("%s leaves at most %s after it died.", rs.Addr, Seconds(longest))
	}
}
