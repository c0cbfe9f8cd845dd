package config_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/files"
	"holdfast.dev/config/sample"
)

// dumped are files of testdata/real whose model is compared with what the installed keepalived shows of its own (option -d).
var dumped = []string{
	"unicast", "version-3", "owner", "openstack-neutron", "garp", "preempt-delay", "nopreempt-master", "v2-fraction", "long-password",
	"addresses-with-options", "ipv6", "routes-and-rules", "priority-300", "unicast-empty", "dual-stack", "same-vrid-other-interface",
	"vmac-plain", "conditional", "definitions", "crlf", "track-interface", "kube-vip-style", "state-equal", "lower-case-state",
	"unicast-typo", "ah", "bfd", "braces-below", "commented-brace", "comments-everywhere", "debian-haproxy", "hash-in-password", "ipvlan",
	"loops", "many-by-loops", "missing-interface-dynamic", "multiline-definition", "native-ipv6", "no-final-newline", "notify-scripts",
	"notify-unquoted", "one-line", "quoted-password", "script-shell", "script-unused", "snmp", "tabs", "track-file", "track-process",
	"unicast-no-src", "unicast-peers-one-line", "utf8-comments",
}

// Each of them takes keepalived two seconds, so a fourth of them is run always.
var allModels = flag.Bool("models.all", false, "compare the models of all files, not of a fourth of them")

// More of them: go test ./config -run SameModelOfSamples -args -models.n=100 -models.seed=7
var (
	modelCount = flag.Int("models.n", 2, "configurations of package sample whose models are compared")
	modelSeed  = flag.Uint64("models.seed", 1, "the first seed")
)

// TestSameModel runs keepalived on these files, in namespaces with the same interfaces, and compares instance by instance.
func TestSameModel(t *testing.T) {
	needDump(t)
	for i, name := range dumped {
		if i%4 != 0 && !*allModels {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs("testdata/real/" + name + ".conf")
			if err != nil {
				t.Fatal(err)
			}
			r := config.Load(files.OS{}, path, running())
			if r.Config == nil {
				t.Fatal(r.Diags.All())
			}
			sameModel(t, path, r.Config)
		})
	}
}

// TestSameModelOfSamples does so with configurations like those of users that nobody has seen before.
func TestSameModelOfSamples(t *testing.T) {
	needDump(t)
	for found, seed := 0, *modelSeed; found < *modelCount; seed++ {
		dir := t.TempDir()
		set := sample.New(seed, true)
		if strings.Contains(set[sample.Main], "_RANDOM") || strings.Count(set[sample.Main], "$VIP") > 1 {
			continue // other numbers each time; 2.2.7 keeps an address that is there twice
		}
		for path, text := range set {
			path = filepath.Join(dir, path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, sample.Main)
		r := config.Load(files.OS{}, path, running())
		if r.Config == nil || len(r.Config.Instances) == 0 || r.Namespace != "" {
			continue // keepalived shows nothing
		}
		found++
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			sameModel(t, path, r.Config)
		})
	}
}

// running is lab for a daemon: a number with garbage behind it counts then.
func running() config.Env {
	env := lab()
	env.Test = false
	return env
}

func needDump(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"keepalived", "unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	if os.Geteuid() != 0 || testing.Short() {
		t.Skip("needs root for a namespace")
	}
}

// sameModel compares a model with what keepalived makes of the file.
func sameModel(t *testing.T, path string, c *config.Config) {
	t.Helper()
	var ours []string
	for i := range c.Instances {
		ours = append(ours, shown(&c.Instances[i])...)
	}
	var theirs []string
	for range 3 { // its processes write to one pipe, and sometimes into each other's lines
		theirs = dump(t, path)
		if len(c.Groups) > 0 { // by then the group has decided
			ours, theirs = slices.DeleteFunc(ours, wanted), slices.DeleteFunc(theirs, wanted)
		}
		if slices.Equal(ours, theirs) {
			return
		}
	}
	t.Errorf("ours:\n%s\nkeepalived's:\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
}

func wanted(line string) bool { return strings.HasPrefix(line, "Wantstate") }

// told are the lines of the dump that say what the model says too.
var told = []string{
	"VRRP Instance = ", "VRRP Version = ", "Wantstate = ", "Virtual Router ID = ", "Priority = ", "Advert interval = ", "Accept = ", "Preempt", "Down timer adverts = ",
	"Gratuitous ARP ", "Multicast address ", "Unicast TTL = ", "Check unicast src : ", "Send advert after ", "Promote_secondaries", "Authentication type = ", "Number of config faults",
}

var stamp = regexp.MustCompile(`^[A-Z][a-z]{2} [A-Z][a-z]{2} .{9,20}: `)

// dump is what keepalived shows of the instances of a file.
func dump(t *testing.T, path string) (out []string) {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf(`ip link add eth0 type veth peer name eth1 && ip addr add 10.0.0.9/24 dev eth0 && ip link set eth0 up && ip link set eth1 up && ip link set lo up || exit 99
exec keepalived -P -n -l -d -f %s -p %s/p -r %s/r -i lab`, path, dir, dir)
	cmd := exec.Command("unshare", "-n", "sh", "-c", script)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Skipf("no namespace: %v", err)
	}
	limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer limit.Stop()
	list, inside, done := "", false, false
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		line := stamp.ReplaceAllString(lines.Text(), "")
		text := strings.TrimSpace(line)
		switch {
		case strings.Contains(line, "< VRRP Topology >"):
			inside = true
		case inside && strings.Contains(line, "------<"):
			inside, done = false, true
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case !inside:
		case strings.HasPrefix(line, "     ") && list != "":
			out = append(out, list+plainEntry(text))
		default:
			if list = lists[strings.SplitN(text, " (", 2)[0]]; list == "" {
				out = append(out, relevant(text)...)
			}
		}
	}
	_ = cmd.Wait() // it was told to end
	if !done {
		t.Fatal("keepalived showed nothing")
	}
	return out
}

// lists are the headlines of lists.
var lists = map[string]string{
	"Virtual IP": "address ", "Virtual IP Excluded :": "excluded ", "Unicast Peer :": "peer ", "Virtual Routes :": "route ", "Virtual Rules :": "rule ",
}

func relevant(text string) []string {
	for _, p := range told {
		if strings.HasPrefix(text, p) {
			text, _, _ = strings.Cut(text, ", ifindex")
			return []string{text}
		}
	}
	return nil
}

var macvlan = regexp.MustCompile(` dev \S+@`)

// plainEntry is an entry without what depends on the kernel: indexes, and the scope of IPv6 addresses, which the kernel
// sets by itself.
func plainEntry(text string) string {
	text, _, _ = strings.Cut(text, " [installed")
	text = macvlan.ReplaceAllString(text, " dev ")
	if strings.Contains(text, ":") && strings.Contains(text, " scope ") {
		before, after, _ := strings.Cut(text, " scope ")
		if _, rest, more := strings.Cut(after, " "); more && strings.Contains(before, "::") {
			return before + " " + rest
		}
	}
	return text
}

// shown is an instance of ours in the form of keepalived's dump.
func shown(i *config.Instance) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	say("VRRP Instance = %s", i.Name)
	say("VRRP Version = %d", i.Version)
	say("Wantstate = %s", map[bool]string{true: "MASTER", false: "BACKUP"}[i.WantMaster])
	say("Number of config faults = %d", len(i.Faults))
	if !i.Unicast() {
		say("Multicast address %s", i.Group)
	}
	say("Gratuitous ARP delay = %.0f", i.Garp.Delay.Seconds())
	say("Gratuitous ARP repeat = %d", i.Garp.Repeat)
	say("Gratuitous ARP refresh = %.0f", i.Garp.Refresh.Seconds())
	say("Gratuitous ARP refresh repeat = %d", i.Garp.RefreshRepeat)
	say("Gratuitous ARP lower priority delay = %.0f", i.Garp.LowerPrioDelay.Seconds())
	say("Gratuitous ARP lower priority repeat = %d", i.Garp.LowerPrioCount)
	say("Down timer adverts = %d", i.DownTimerAdverts)
	say("Send advert after receive lower priority advert = %v", !i.LowerPrioNoAdvert)
	say("Send advert after receive higher priority advert = %v", i.HigherPrioAdvert)
	say("Virtual Router ID = %d", i.VRID)
	say("Priority = %d", i.Priority)
	if i.Version == 2 {
		say("Advert interval = %d sec", int(i.AdvertInterval.Seconds()))
	} else {
		say("Advert interval = %d milli-sec", i.AdvertInterval.Milliseconds())
	}
	on := map[bool]string{true: "enabled", false: "disabled"}
	say("Accept = %s", on[i.Accept])
	say("Preempt = %s", on[i.Preempt])
	if i.PreemptDelay > 0 {
		say("Preempt delay = %g secs", i.PreemptDelay.Seconds())
	}
	say("Promote_secondaries = %s", on[i.PromoteSecondaries])
	if i.Version == 2 {
		say("Authentication type = %s", [...]string{"none", "SIMPLE_PASSWORD", "IPSEC_AH"}[i.Auth.Type])
	}
	return append(out, shownLists(i)...)
}

// shownLists are the lists of an instance in the form and order of keepalived's dump.
func shownLists(i *config.Instance) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for n := range i.Addresses {
		say("address %s", shownAddress(&i.Addresses[n]))
	}
	for n := range i.Excluded {
		say("excluded %s", shownAddress(&i.Excluded[n]))
	}
	if i.Unicast() {
		say("Unicast TTL = %d", i.TTL)
		say("Check unicast src : %s", map[bool]string{true: "yes", false: "no"}[i.CheckSource])
		for _, p := range i.Peers {
			say("peer %s min_ttl %d max_ttl %d", p.Addr, p.MinTTL, p.MaxTTL)
		}
	}
	if i.Routing == nil {
		return out
	}
	for n := range i.Routing.Routes {
		r := &i.Routing.Routes[n]
		s := "route prepend "
		if kind := map[uint8]string{6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}[r.Type]; kind != "" {
			s = "route add " + kind + " "
		}
		s += r.Dst.String()
		for _, part := range []struct {
			there bool
			text  string
		}{
			{r.Source.IsValid(), fmt.Sprintf(" src %s", r.Source)},
			{r.Via.IsValid(), fmt.Sprintf(" via %s %s", inet(r.Via), r.Via)},
			{r.Dev != "", " dev " + r.Dev},
			{r.Table != 254, fmt.Sprintf(" table %d", r.Table)},
			{true, fmt.Sprintf(" proto %d", r.Protocol)},
			{r.Metric != 0, fmt.Sprintf(" metric %d", r.Metric)},
			{r.Scope != config.ScopeGlobal, fmt.Sprintf(" scope %d", r.Scope)},
			{r.OnLink, " onlink"},
			{r.NoTrack, " no_track"},
		} {
			if part.there {
				s += part.text
			}
		}
		out = append(out, s)
	}
	for n := range i.Routing.Rules {
		r := &i.Routing.Rules[n]
		s := "rule from " + shownPrefix(r.From)
		if r.To.IsValid() {
			s += " to " + shownPrefix(r.To)
		}
		say("%s priority %d tos 0x%x protocol %d lookup %d", s, r.Priority, r.TOS, r.Protocol, r.Table)
	}
	return out
}

func inet(a netip.Addr) string {
	if a.Is4() {
		return "inet"
	}
	return "inet6"
}

func shownPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func shownAddress(a *config.Address) string {
	s := shownPrefix(a.Prefix)
	if a.Broadcast.IsValid() {
		s += " brd " + a.Broadcast.String()
	}
	s += " dev " + a.Dev
	if a.Addr().Is4() {
		s += " scope " + map[uint8]string{0: "global", 253: "link"}[a.Scope]
	}
	if a.Label != "" {
		s += " label " + a.Label
	}
	if a.NoTrack {
		s += " no_track"
	}
	switch {
	case a.Addr().Is4():
	case a.Preferred == 0:
		s += " deprecated"
	default:
		s += " preferred_lft forever"
	}
	return s
}
