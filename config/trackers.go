package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// What trackers may weigh. A file's product may reach 254, which is FAULT (rule J11).
const (
	maxFileWeight = 254
	maxComm       = 15  // of a process, in bytes
	maxBFDWeight  = 253 // and that of a check
)

// trackKinds says what the entries of a track list name, and how the kind is called in messages.
var trackKinds = map[string]struct {
	kind  TrackKind
	block string
	noun  string
}{
	"track_file":    {OfFile, "track_file", "file"},
	"track_process": {OfProcess, "vrrp_track_process", "process"},
	"track_bfd":     {OfBFD, "bfd_instance", "bfd"},
	"track_check":   {OfCheck, "vrrp_check", "check"},
}

// target is what a tracker may name, with its default weight.
type target struct {
	weight  int
	reverse bool
}

// targetName identifies a target.
type targetName struct {
	kind TrackKind
	name string
}

// tracked reads a list of files, processes, BFD sessions or checks; ok is false for another keyword.
func (b *builder) tracked(t *Tracking, who string, n *schema.Node) (ok bool) {
	k, ok := trackKinds[n.Key.Name]
	if !ok {
		return false
	}
	known := seen(b, &t.Others, func(o *Tracker) targetName { return targetName{o.Kind, o.Name} })
	for i := range n.Body {
		e := &n.Body[i]
		name := targetName{k.kind, e.Name()}
		def, found := b.targets[name]
		if !found {
			b.say(e.Pos, diag.Error, diag.GeneralError, who, fmt.Sprintf("track %s %s not found, ignoring...", k.noun, e.Name()),
				"a "+k.block+" of that name must stand before this block")
			continue
		}
		if !known.add(name) {
			b.errorf(e.Pos, who, "duplicate %s %s - ignoring", n.Key.Name, e.Name())
			continue
		}
		w, reverse := def.weight, def.reverse
		if b.otherWeight(e, who, k.kind, &w, &reverse) {
			t.Others = append(t.Others, Tracker{Pos: at(e.Pos), Kind: k.kind, Name: e.Name(), Weight: int16(w), Reverse: reverse})
		}
	}
	return true
}

// otherWeight reads "weight W [reverse|noreverse]"; ok is false when the entry is to be ignored.
func (b *builder) otherWeight(e *schema.Node, who string, kind TrackKind, weight *int, reverse *bool) (ok bool) {
	limit := maxFileWeight
	if kind == OfBFD || kind == OfCheck {
		limit = maxBFDWeight
	}
	for i := range e.Opts {
		u := &e.Opts[i]
		if !u.OK {
			if len(u.Args) == 0 {
				continue
			}
			b.errorf(e.Pos, who, "weight %s for %s must be between [-%d..%d] inclusive. Ignoring...", u.Args[0].Text, e.Name(), limit, limit)
			return false
		}
		*weight = int(u.Args[0].Int)
		if len(u.Args) > 1 {
			*reverse = u.Args[1].Text == "reverse"
		}
	}
	return true
}

// trackFile reads a track_file block; one that is no good can't be referred to.
func (b *builder) trackFile(n *schema.Node) {
	f := TrackFile{Pos: at(n.Pos), Name: n.Name(), Weight: 1}
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "file":
			setText(&f.Path, k)
		case "weight":
			setInt(&f.Weight, k)
			f.Reverse = k.Has("reverse")
		case "init_file":
			b.initFile(&f, k)
		}
	}
	if f.Path == "" {
		b.errorf(n.Pos, "", "No file set for track_file %s - ignoring", f.Name)
		return
	}
	if b.define(OfFile, f.Name, target{f.Weight, f.Reverse}) {
		b.cfg.Files = append(b.cfg.Files, f)
		return
	}
	b.notef(n.Pos, "", "track_file %s is there already - ignoring", f.Name)
}

func (b *builder) initFile(f *TrackFile, k *schema.Node) {
	value := 0
	for i := range k.Opts {
		u := &k.Opts[i]
		switch {
		case u.Name() == "overwrite":
			f.Overwrite = true
		case u.OK:
			value = int(u.Args[0].Int)
			if value > maxFileWeight || value < -maxFileWeight {
				b.errorf(u.Pos, f.Name, "init_file value %d is outside the sensible range [-%d, %d]", value, maxFileWeight, maxFileWeight)
			}
		}
	}
	f.Init = &value
}

// define adds what trackers may name; ok is false when the name is taken.
func (b *builder) define(kind TrackKind, name string, t target) (ok bool) {
	k := targetName{kind, name}
	if _, taken := b.targets[k]; taken {
		return false
	}
	b.targets[k] = t
	return true
}

// trackProcess reads a vrrp_track_process block.
func (b *builder) trackProcess(n *schema.Node) {
	p := TrackProcess{Pos: at(n.Pos), Name: n.Name(), Quorum: 1}
	for i := range n.Body {
		b.processKey(&p, &n.Body[i])
	}
	switch {
	case p.Process == "":
		b.errorf(n.Pos, "", "No process set for vrrp_track_process %s - removing", p.Name)
	case !p.FullCommand && len(p.Process) > maxComm:
		b.say(n.Pos, diag.Warning, diag.OK, "", fmt.Sprintf("vrrp_track_process %s: no process has a name as long as '%s'", p.Name, p.Process),
			"the kernel keeps 15 bytes of a name; full_command compares the first word of the command line")
	case !p.FullCommand && strings.HasPrefix(p.Process, "/"):
		b.say(n.Pos, diag.Warning, diag.OK, "", fmt.Sprintf("vrrp_track_process %s: '%s' is a path, and no process has such a name", p.Name, p.Process),
			"full_command compares the first word of the command line")
	}
	switch {
	case p.Process == "":
		return
	case p.QuorumMax != nil && *p.QuorumMax < p.Quorum && *p.QuorumMax > 0:
		b.errorf(n.Pos, "", "vrrp_track_process %s: quorum %d exceeds quorum_max %d - removing", p.Name, p.Quorum, *p.QuorumMax)
		return
	}
	if p.QuorumMax != nil && *p.QuorumMax == 0 {
		p.Quorum = 0 // none may run
	}
	if !b.define(OfProcess, p.Name, target{p.Weight, p.Reverse}) {
		b.notef(n.Pos, "", "vrrp_track_process %s is there already - ignoring", p.Name)
		return
	}
	b.cfg.Processes = append(b.cfg.Processes, p)
}

func (b *builder) processKey(p *TrackProcess, k *schema.Node) {
	switch k.Key.Name {
	case "process":
		p.Process = k.Name()
		for _, v := range k.Args[1:] {
			p.Params = append(p.Params, v.Text)
		}
		if len(p.Params) > 0 {
			p.FullCommand, p.Match = true, max(p.Match, MatchExact)
		}
	case "param_match":
		p.FullCommand, p.Match = true, MatchExact
		if v, ok := k.Arg(0); ok {
			p.Match = MatchInitial + ParamMatch(v.Int)
		}
	case "weight":
		setInt(&p.Weight, k)
		p.Reverse = k.Has("reverse")
	case "quorum":
		setInt(&p.Quorum, k)
	case "quorum_max":
		if v, ok := k.Arg(0); ok {
			n := int(v.Int)
			p.QuorumMax = &n
		}
	case "delay":
		setTime(&p.ForkDelay, k)
		setTime(&p.TerminateDelay, k)
	case "terminate_delay":
		setTime(&p.TerminateDelay, k)
	case "fork_delay":
		setTime(&p.ForkDelay, k)
	case "full_command":
		p.FullCommand = true
	}
}

// linkbeats reads linkbeat_interfaces.
func (b *builder) linkbeats(n *schema.Node) {
	for i := range n.Body {
		e := &n.Body[i]
		v, ok := e.Arg(0)
		if !ok {
			continue
		}
		if _, exists, known := b.iface(v.Text); known && !exists && b.cfg.Global.VRRP.DynamicInterfaces == DynamicOff {
			b.say(v.Pos, diag.Error, diag.FatalError, "", fmt.Sprintf("unknown interface %s specified for linkbeat interface", v.Text), "dynamic_interfaces allows interfaces that come later")
			continue
		}
		l := Linkbeat{Pos: at(e.Pos), Interface: v.Text}
		if m, ok := e.Arg(1); ok {
			l.Method = m.Text
		}
		b.cfg.Linkbeat = append(b.cfg.Linkbeat, l)
	}
}

// ownOthers is rule A35 for files and BFD sessions that an instance tracks itself. Processes are not looked at there.
func (b *builder) ownOthers(d *draft, neutral string) {
	if neutral == "" {
		return
	}
	d.Track.Others = none(slices.DeleteFunc(d.Track.Others, func(t Tracker) bool {
		if t.Kind == OfProcess || t.Weight == 0 {
			return false
		}
		return t.Kind != OfFile || t.Weight != 1 && t.Weight != -1
	}))
	for i := range d.Track.Others {
		if t := &d.Track.Others[i]; t.Kind == OfFile {
			t.Weight = 0
		}
	}
}

// shareOthers adds the group's files, processes and sessions to a member (rules I9 and A36).
func (b *builder) shareOthers(g *groupDraft, d *draft, twice func(kind, name string)) {
	key := func(t *Tracker) targetName { return targetName{t.Kind, t.Name} }
	group := setOf(g.Track.Others, key)
	d.Track.Others = slices.DeleteFunc(d.Track.Others, func(t Tracker) bool {
		if group.has(key(&t)) {
			twice(t.Kind.String(), t.Name)
			return true
		}
		return false
	})
	for _, t := range g.Track.Others {
		t.FromGroup = true
		d.Track.Others = append(d.Track.Others, t)
	}
	d.Track.Others = none(d.Track.Others)
}

// bfd reads a bfd_instance block (rules W4, and W3 for the TTL).
func (b *builder) bfd(n *schema.Node) {
	s := BFDSession{
		Pos: at(n.Pos), Name: n.Name(), MinRx: 10 * time.Millisecond, MinTx: 10 * time.Millisecond, IdleTx: time.Second, Multiplier: 5,
	}
	bad := false
	for i := range n.Body {
		k := &n.Body[i]
		if k.Key.Name == "neighbor_ip" || k.Key.Name == "neighbour_ip" {
			v, ok := k.Arg(0)
			s.Neighbour, bad = v.Addr, !ok
			continue
		}
		b.bfdKey(&s, k)
	}
	switch {
	case !s.Neighbour.IsValid():
		if !bad {
			b.errorf(n.Pos, "", "Configuration error: BFD instance %s has no neighbor address set, disabling instance", s.Name)
		}
		return
	case s.Source.IsValid() && s.Source.Is4() != s.Neighbour.Is4():
		b.errorf(n.Pos, "", "Configuration error: BFD instance %s source IP address %s and neighbor IP address %s are not of the same family, disabling instance", s.Name, s.Source, s.Neighbour)
		return
	}
	b.finishBFD(n, &s)
	if !b.define(OfBFD, s.Name, target{s.Weight, s.Reverse}) {
		b.errorf(n.Pos, "", "Configuration error: BFD instance %s is already configured, disabling instance", s.Name)
		return
	}
	b.cfg.Parts.BFD = true
	b.cfg.BFD = append(b.cfg.BFD, s)
}

func (b *builder) finishBFD(n *schema.Node, s *BFDSession) {
	if !s.ToVRRP && !s.ToChecker {
		s.ToVRRP, s.ToChecker = true, true
	}
	if s.TTL == 0 {
		if s.TTL = 255; s.Neighbour.Is6() {
			s.TTL = 64
		}
	}
	if s.MaxHops > int(s.TTL) {
		b.errorf(n.Pos, "", "BFD instance %s: max_hops exceeds ttl/hoplimit - setting to ttl/hoplimit", s.Name)
		s.MaxHops = int(s.TTL)
	}
}

func (b *builder) bfdKey(s *BFDSession, k *schema.Node) {
	const slow = 10 * time.Second
	period := func(p *time.Duration) {
		setTime(p, k)
		if *p > slow {
			b.notef(k.Pos, s.Name, "%s of %s ms is very long", k.Key.Name, k.Name())
		}
	}
	switch k.Key.Name {
	case "source_ip":
		setAddr(&s.Source, k)
	case "min_rx":
		period(&s.MinRx)
	case "min_tx":
		period(&s.MinTx)
	case "idle_tx":
		period(&s.IdleTx)
	case "multiplier":
		setInt(&s.Multiplier, k)
	case "passive":
		s.Passive = true
	case "ttl", "hoplimit":
		setInt(&s.TTL, k)
	case "max_hops":
		setInt(&s.MaxHops, k)
	case "multihop":
		setFlag(&s.Multihop, k)
	case "weight":
		setInt(&s.Weight, k)
		s.Reverse = k.Has("reverse")
	case "vrrp":
		s.ToVRRP = true
	case "checker":
		s.ToChecker = true
	}
}
