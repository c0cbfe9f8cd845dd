package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/track"
	"holdfast.dev/vrrp/wire"
)

// world is one engine with links, a kernel and a script. The words of the script, each on a line of its own, "at 3.2s" before any of them:
//
//	config delay=4s boot=10s restore=false garp=20ms na=20ms unknown     the draft of the configuration
//	router NAME vrid=51 prio=100 ...                                     adds to the draft, or changes what it has; spec_test.go
//	drop NAME; rename A B; group NAME MEMBER...; ungroup NAME; static ADDR
//	start; reload                                                        the draft becomes the configuration
//	resume NAME STATE last=1.2s                                          what an earlier process was doing, before start
//	link eth0 192.0.2.1/24 ...; link eth0 down; link eth0 gone           ADDR!tentative, ADDR!dadfailed
//	advert from SRC prio 150 ...; replay; bytes SRC HEX; overflow
//	track NAME up|down|unknown|new; lost NAME ADDR [linkdown]; stop [keep|WITHIN]
//	claim MAC ADDR[@LINK]...                                             other stations say so, by ARP or NA
//	challenge MAC ADDR[@LINK]...                                         the same, while nobody makes way
//	mute                                                                 the carrier has died
//	hand SRC over|taken|odd                                              a word of a peer in a hand-over
//	died SRC; linkup SRC; linkdown SRC; told SRC state=MASTER prio 100 hears=yes [origin=ADDR]     the carrier says so
//	refuse ADDR; allow ADDR; kernel mute|slow|willing; applied NAME fail|ok ADDR [partial|old]
//	run 10s; pause 5s; suspend 60s; wallclock 60s; sent NAME ERROR
type world struct {
	t         *testing.T
	e         *Engine
	now       clock.Now
	draft     Config
	specs     []*Spec
	links     map[string]host.Link
	refused   map[netip.Prefix]bool
	mute      bool
	slow      time.Duration
	due       []pendingWant
	resumes   []Resume
	peers     speakers
	names     map[host.Owner]string
	notified  []notify.Event
	noted     map[netip.Addr]Note  // what peers were told last
	sent      func(*Send)          // is given every advert; may be nil
	announced func([]Announcement) // is given every slice; may be nil
	out       strings.Builder
}

type pendingWant struct {
	at   clock.Instant
	o    host.Owner
	gen  uint64
	want host.State
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: epoch, links: map[string]host.Link{}, refused: map[netip.Prefix]bool{}, names: map[host.Owner]string{0: "static"}}
	w.draft.Restore = true
	return w
}

func (w *world) dur(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) line(line string) {
	f := strings.Fields(line)
	if len(f) == 0 || strings.HasPrefix(f[0], "#") {
		return
	}
	if f[0] == "at" {
		w.until(epoch.Mono.Add(w.dur(f[1])))
		f = f[2:]
		if len(f) == 0 {
			return
		}
	}
	if !w.draftWord(f) && !w.clockWord(f) && !w.eventWord(f) {
		w.t.Fatalf("no such word: %s", line)
	}
}

func (w *world) clockWord(f []string) bool {
	switch f[0] {
	case "run":
		w.until(w.now.Mono.Add(w.dur(f[1])))
	case "pause": // the process stands still, packets wait in its socket
		w.now = w.now.Add(w.dur(f[1]))
		w.round()
	case "suspend": // the machine stands still; the next event wakes it
		w.now.Boot, w.now.Wall = w.now.Boot.Add(w.dur(f[1])), w.now.Wall+int64(w.dur(f[1]))
	case "wallclock":
		w.now.Wall += int64(w.dur(f[1]))
	case "kernel":
		w.mute, w.slow = f[1] == "mute", 0
		if f[1] == "slow" {
			w.slow = w.dur(f[2])
		}
	case "refuse", "allow":
		w.refused[netip.MustParsePrefix(f[1])] = f[0] == "refuse"
	default:
		return false
	}
	return true
}

// until runs the engine through its own deadlines.
func (w *world) until(end clock.Instant) {
	if w.e == nil {
		w.now = w.now.Add(end.Sub(w.now.Mono))
		return
	}
	for steps := 0; ; steps++ {
		at, ok := w.e.Deadline()
		for _, d := range w.due {
			at, ok = clock.Min(at, d.at), true
		}
		if !ok || at > end {
			w.now = w.now.Add(max(0, end.Sub(w.now.Mono)))
			return
		}
		if steps > 100_000 {
			w.t.Fatal("the engine does not come to rest")
		}
		w.now = w.now.Add(max(0, at.Sub(w.now.Mono)))
		w.round()
	}
}

func (w *world) round() {
	w.step(&AdvertsDue{})
	for i := 0; i < len(w.due); i++ {
		if d := w.due[i]; d.at <= w.now.Mono {
			w.due = slices.Delete(w.due, i, i+1)
			i--
			w.answer(d)
		}
	}
	w.step(&Wakeup{})
}

// step applies an event and lets the kernel answer.
func (w *world) step(ev Event) {
	for _, a := range w.e.Step(w.now, ev) {
		w.print(a)
	}
	for dirty := w.e.Dirty(); len(dirty) > 0; dirty = w.e.Dirty() {
		for _, o := range slices.Clone(dirty) {
			gen, want := w.e.Desired(o)
			w.printWant(o, gen, want)
			if w.mute || gen == 0 {
				continue
			}
			d := pendingWant{at: w.now.Mono.Add(w.slow), o: o, gen: gen, want: want}
			if w.slow > 0 {
				w.due = append(w.due, d)
			} else {
				w.answer(d)
			}
		}
	}
}

func (w *world) answer(d pendingWant) {
	ap := &Applied{host.Applied{Owner: d.o, Gen: d.gen, Final: true}}
	for _, a := range d.want.Addresses {
		res := host.Result{Key: a.Key}
		if w.refused[a.Prefix] {
			res.Err = "Permission denied"
		}
		ap.Results = append(ap.Results, res)
	}
	w.step(ap)
}

func (w *world) eventWord(f []string) bool {
	if f[0] == "link" {
		w.link(f[1:])
		return true
	}
	if f[0] == "start" {
		w.e = New(w.now)
		for _, name := range slices.Sorted(keys(w.links)) {
			w.step(&LinkChanged{w.links[name]})
		}
	}
	if w.e == nil {
		return false
	}
	ev := w.event(f)
	if ev == nil {
		return false
	}
	w.step(&AdvertsDue{})
	w.step(ev)
	w.step(&Wakeup{})
	return true
}

func (w *world) event(f []string) Event {
	switch f[0] {
	case "start", "reload":
		c := w.config()
		ev := &Configure{Config: c, Resume: w.resumes}
		w.resumes = nil
		return ev
	case "advert":
		return w.advert(f[1:])
	case "replay": // of the last advert
		again := *w.peers.last
		again.Payload = slices.Clone(again.Payload)
		return &again
	case "bytes":
		return &Received{Port: PortID{Link: "eth0"}, Src: netip.MustParseAddr(f[1]), Dst: wire.Group4(), TTL: 255, Payload: unhex(w.t, f[2])}
	case "overflow":
		return &Overflow{Port: PortID{Link: "eth0"}, Packets: 1}
	case "track":
		id := source(f[1])
		st := track.State{Kind: id.Kind, Source: id.Name, Reload: f[2] == "new"}
		st.Status = map[string]track.Status{"up": track.Up, "down": track.Down}[f[2]]
		if id.Kind == track.OfFile && f[2] != "new" {
			st.Status, st.Value = track.Up, number(w.t, f[2])
		}
		return &Tracked{st}
	case "lost":
		return &Lost{host.Lost{Owner: w.owner(f[1]), Key: w.key(f[2]), LinkDown: len(f) > 3}}
	case "applied":
		o := w.owner(f[1])
		gen, _ := w.e.Desired(o)
		if f[len(f)-1] == "old" {
			gen--
		}
		ap := &Applied{host.Applied{Owner: o, Gen: gen, Final: f[len(f)-1] != "partial"}}
		for _, a := range strings.Split(f[3], ",") {
			res := host.Result{Key: w.key(a)}
			if f[2] == "fail" {
				res.Err = "Permission denied"
			}
			ap.Results = append(ap.Results, res)
		}
		return ap
	case "sent":
		return &Sent{Owner: w.owner(f[1]), Err: strings.Join(f[2:], " ")}
	case "stop":
		if len(f) > 1 && f[1] != "keep" {
			return &Stop{Within: w.dur(f[1])}
		}
		if len(f) > 1 {
			return &Stop{Keep: true, Within: 5 * time.Second}
		}
		return &Stop{}
	case "mute":
		return &CarrierLost{}
	case "died", "linkup", "linkdown", "told", "hand":
		return w.peerEvent(f)
	case "claim":
		return w.claim(f[1:])
	case "challenge":
		return &Challenged{w.claim(f[1:]).Claims}
	}
	return nil
}

// peerEvent is what the carrier says of a peer of the first router, which has reached its source.
func (w *world) peerEvent(f []string) Event {
	s := w.specs[0]
	if n := len(f); n > 2 && f[n-2] == "to" {
		for i := range w.specs {
			if w.specs[i].Name == f[n-1] {
				s = w.specs[i]
			}
		}
		f = f[:n-2]
	}
	src, opt := netip.MustParseAddr(f[1]), options(f[2:])
	switch f[0] {
	case "died":
		return &PeerDied{Port: s.Port(), Src: src, Dst: s.Source}
	case "hand":
		return &PeerHand{Port: s.Port(), Src: src, Dst: s.Source, VRID: s.VRID, Hand: map[string]Hand{"over": TakeOver, "taken": Taken, "odd": 9}[f[2]]}
	case "told":
		ev := &PeerReport{Port: s.Port(), Src: src, Dst: s.Source, VRID: s.VRID, Priority: uint8(number(w.t, opt["prio"]))}
		ev.State = map[string]State{"MASTER": Master, "BACKUP": Backup, "FAULT": Fault, "INIT": Init}[opt["state"]]
		ev.Hears = opt["hears"] == "yes"
		if o := opt["origin"]; o != "" {
			ev.Origin = netip.MustParseAddr(o)
		}
		return ev
	}
	return &PeerLink{Port: s.Port(), Src: src, Dst: s.Source, Up: f[0] == "linkup"}
}

func (w *world) claim(f []string) *Claimed {
	ev := &Claimed{}
	for _, a := range f[1:] {
		addr, dev, ok := strings.Cut(a, "@")
		if !ok {
			dev = "eth0"
		}
		c := Claim{Index: w.links[dev].Index, Addr: netip.MustParseAddr(addr)}
		copy(c.MAC[:], unhex(w.t, f[0]))
		ev.Claims = append(ev.Claims, c)
	}
	return ev
}

func (w *world) owner(name string) host.Owner {
	if name == "static" {
		return host.Static
	}
	for _, r := range w.e.routers {
		if r.Name() == name {
			return r.owner
		}
	}
	n, err := strconv.Atoi(name) // a stranger
	if err != nil {
		w.t.Fatalf("no router %s", name)
	}
	return host.Owner(n)
}

func (w *world) key(addr string) host.Key {
	a, dev, ok := strings.Cut(addr, "@")
	if !ok {
		dev = "eth0"
	}
	return host.Key{Link: dev, Prefix: netip.MustParsePrefix(a)}
}

// link describes an interface; what is not said stays.
func (w *world) link(f []string) {
	name := f[0]
	l, ok := w.links[name]
	if !ok {
		n := len(w.links) + 2
		l = host.Link{Name: name, Index: n, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, byte(n)}}
	}
	var ev Event
	for _, word := range f[1:] {
		switch word {
		case "down", "up":
			l.Running = word == "up"
		case "gone":
			ev = &LinkGone{Name: name}
		case "noarp":
			l.NoARP = true
		case "forward":
			l.Forward6 = true
		case "noaddr":
			l.Addrs = nil
		case "reborn":
			l.Index += 100
			l.MAC[0] = 6
		default:
			if port, ok := strings.CutPrefix(word, "port="); ok {
				l.Master = w.links[port].Index
				continue
			}
			if base, ok := strings.CutPrefix(word, "base="); ok {
				l.Base = w.links[base].Index
				continue
			}
			addr, flag, _ := strings.Cut(word, "!")
			flags := map[string]uint32{"tentative": host.FlagTentative, "dadfailed": host.FlagDADFailed}[flag]
			p := netip.MustParsePrefix(addr)
			l.Addrs = slices.DeleteFunc(slices.Clone(l.Addrs), func(a host.LinkAddr) bool { return a.Prefix == p })
			l.Addrs = append(l.Addrs, host.LinkAddr{Prefix: p, Flags: flags})
		}
	}
	w.links[name] = l
	if ev == nil {
		ev = &LinkChanged{l}
	}
	if w.e != nil {
		w.step(ev)
		w.step(&Wakeup{})
	}
}

// advert makes a packet as the router "to" (the first one if none is named) would send it, with what is said otherwise.
func (w *world) advert(f []string) *Received {
	opt := options(f)
	s := *w.specs[0]
	if n := opt["to"]; n != "" {
		s = *w.spec(n)
	}
	rx := &Received{Port: s.Port(), Src: netip.MustParseAddr(opt["from"]), Dst: s.Group, TTL: 255}
	if s.Unicast() {
		rx.Dst = netip.MustParseAddr(opt["dst"])
	}
	if d := opt["dst"]; d != "" {
		rx.Dst = netip.MustParseAddr(d)
	}
	if v := opt["origin"]; v != "" {
		rx.Origin, rx.TTL = netip.MustParseAddr(v), -1
	}
	if v := opt["id"]; v != "" {
		rx.ID = uint16(number(w.t, v))
	}
	if v := opt["int"]; v != "" {
		s.Interval = w.dur(v)
	}
	if v := opt["v"]; v != "" {
		s.Version = uint8(number(w.t, v))
	}
	if v := opt["vrid"]; v != "" {
		s.VRID = uint8(number(w.t, v))
	}
	if v := opt["ttl"]; v != "" {
		rx.TTL = number(w.t, v)
	}
	if v := opt["pass"]; v != "" {
		s.Password, s.AuthType = [8]byte{}, max(s.AuthType, wire.AuthPass)
		copy(s.Password[:], v)
	}
	if v := opt["auth"]; v != "" {
		s.AuthType = authTypes[v]
		rx.Port = s.Port()
	}
	if v := opt["sum"]; v != "" {
		s.Sum = map[string]wire.Form{"plain": wire.FormPlain, "pseudo": wire.FormPseudo, "group": wire.FormGroup}[v]
	}
	if v := opt["addrs"]; v != "" {
		s.Addresses = nil
		for _, a := range strings.Split(v, ",") {
			s.Addresses = append(s.Addresses, Address{Address: host.Address{Key: w.key(a)}})
		}
	}
	p := s.params()
	if p.Sum == wire.FormGroup {
		p.Group = wire.Group4()
	}
	tm, err := wire.NewTemplate(p)
	if err != nil {
		w.t.Fatal(err)
	}
	rx.Payload, err = tm.Append(nil, uint8(number(w.t, opt["prio"])), rx.Src, rx.Dst)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, bad := opt["badsum"]; bad {
		rx.Payload[6] ^= 0x55
	}
	w.peers.seal(w, &s, rx, opt)
	w.peers.last = rx
	return rx
}

// options reads "from A prio 5 x=y flag" into a map.
func options(f []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(f); i++ {
		if k, v, ok := strings.Cut(f[i], "="); ok {
			m[k] = v
		} else if i+1 < len(f) && (f[i] == "from" || f[i] == "prio" || f[i] == "to") {
			m[f[i]] = f[i+1]
			i++
		} else {
			m[f[i]] = ""
		}
	}
	return m
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func unhex(t *testing.T, s string) []byte {
	var b []byte
	if _, err := fmt.Sscanf(s, "%x", &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
