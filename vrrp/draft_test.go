package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/track"
	"holdfast.dev/transport"
	"holdfast.dev/vrrp/wire"
)

func (w *world) spec(name string) *Spec {
	for _, s := range w.specs {
		if s.Name == name {
			return s
		}
	}
	w.t.Fatalf("no router %s in the draft", name)
	return nil
}

// config copies the draft, so that nothing in a configuration is shared with the next one.
func (w *world) config() *Config {
	c := w.draft
	c.Groups = nil
	for _, g := range w.draft.Groups {
		c.Groups = append(c.Groups, GroupSpec{Name: g.Name, Members: slices.Clone(g.Members)})
	}
	c.Static = slices.Clone(w.draft.Static)
	c.Routers = nil
	for _, s := range w.specs {
		d := *s
		d.Addresses, d.Peers = slices.Clone(s.Addresses), slices.Clone(s.Peers)
		d.Links, d.Trackers = slices.Clone(s.Links), slices.Clone(s.Trackers)
		c.Routers = append(c.Routers, d)
	}
	return &c
}

func (w *world) draftWord(f []string) bool {
	switch f[0] {
	case "config":
		for k, v := range options(f[1:]) {
			switch k {
			case "delay":
				w.draft.StartupDelay = w.dur(v)
			case "boot":
				w.draft.DelayAfterBoot = w.dur(v)
			case "debounce":
				name, delays, _ := strings.Cut(v, ":")
				down, up, _ := strings.Cut(delays, ",")
				w.draft.Debounce = map[string]Debounce{name: {Down: w.dur(down), Up: w.dur(up)}}
			case "restore":
				w.draft.Restore = v != "false"
			case "garp":
				w.draft.GarpInterval = w.dur(v)
			case "garpgroup": // of some links: "eth0+eth1:100ms:50ms"
				p := strings.Split(v, ":")
				w.draft.GarpGroups = append(w.draft.GarpGroups, GarpGroup{Links: strings.Split(p[0], "+"), GarpInterval: w.dur(p[1]), NAInterval: w.dur(p[2])})
			case "wall":
				w.draft.Wall = host.Wall{WallName: host.WallName{Table: v, Mark: "test"}, V4: true}
			case "na":
				w.draft.NAInterval = w.dur(v)
			case "again": // fifo_write_vrrp_states_on_reload
				w.draft.RepeatStates = v != "false"
			case "unknown":
				w.draft.LogUnknownVRIDs = true
			default:
				w.t.Fatalf("config has no %s", k)
			}
		}
	case "router":
		w.router(f[1], f[2:])
	case "drop":
		w.specs = slices.DeleteFunc(w.specs, func(s *Spec) bool { return s.Name == f[1] })
	case "rename":
		w.spec(f[1]).Name = f[2]
	case "group":
		w.draft.Groups = append(w.draft.Groups, GroupSpec{Name: f[1], Members: f[2:]})
	case "ungroup":
		w.draft.Groups = slices.DeleteFunc(slices.Clone(w.draft.Groups), func(g GroupSpec) bool { return g.Name == f[1] })
	case "static":
		w.draft.Static = append(w.draft.Static, host.Address{Key: w.key(f[1])})
	case "resume":
		w.resume(f)
	default:
		return false
	}
	return true
}

func (w *world) resume(f []string) {
	s, opt := w.spec(f[1]), options(f[3:])
	st := map[string]State{"MASTER": Master, "BACKUP": Backup, "FAULT": Fault}[f[2]]
	seq, _ := strconv.ParseUint(opt["seq"], 10, 32)
	w.resumes = append(w.resumes, Resume{
		Identity: s.Identity(), Name: f[1], Sequence: uint32(seq), State: st, LastAdvert: w.now.Boot - clock.Instant(w.dur(opt["last"])), Interval: s.Interval, Told: f[2],
	})
}

// router changes a draft. Flags are switched off by a minus before them.
func (w *world) router(name string, f []string) {
	i := slices.IndexFunc(w.specs, func(s *Spec) bool { return s.Name == name })
	if i < 0 {
		s := spec(name, 51, 100)
		s.Garp = Garp{Repeat: 1, RefreshRepeat: 1}
		i = len(w.specs)
		w.specs = append(w.specs, &s)
	}
	s := w.specs[i]
	for _, word := range f {
		k, v, ok := strings.Cut(word, "=")
		if !ok {
			w.flag(s, word)
			continue
		}
		if !w.number(s, k, v) && !w.timing(s, k, v) && !w.list(s, k, v) {
			w.t.Fatalf("a router has no %s", k)
		}
	}
}

func (w *world) flag(s *Spec, word string) {
	name, on := strings.TrimPrefix(word, "-"), !strings.HasPrefix(word, "-")
	flags := map[string]*bool{
		"nopreempt": &s.NoPreempt, "master": &s.StateMaster, "checkpeers": &s.CheckPeers, "fastfail": &s.FastFail, "skipaddrs": &s.SkipCheckAddrs,
		"ownerignore": &s.OwnerIgnore, "lowernoadvert": &s.LowerPrioNoAdvert, "higheradvert": &s.HigherPrioAdvert,
		"expiredbackup": &s.TimerExpiredBackup, "dontrack": &s.DontTrackPrimary, "tracksource": &s.TrackSource,
		"notifyprio": &s.NotifyPriority, "telldeleted": &s.TellDeleted, "mail": &s.Mail, "learnsum": &s.LearnGroupSum,
	}
	if s.HMAC != nil {
		h := *s.HMAC // that of the configuration in force stays what it is
		s.HMAC, flags["monotonic"] = &h, &h.Monotonic
	}
	p := flags[name]
	if p == nil {
		w.t.Fatalf("a router has no %s", name)
	}
	*p = on
}

func (w *world) number(s *Spec, k, v string) bool {
	switch k {
	case "vrid":
		s.VRID = uint8(number(w.t, v))
	case "prio":
		s.Priority = uint8(number(w.t, v))
	case "down":
		s.DownAdverts = number(w.t, v)
	case "repeat":
		s.Garp.Repeat = number(w.t, v)
	case "lower":
		s.Garp.LowerRepeat = number(w.t, v)
	case "ttl":
		s.TTL = uint8(number(w.t, v))
	case "v":
		s.Version = uint8(number(w.t, v))
		s.Accept = map[uint8]wire.Form{2: wire.FormPlain, 3: wire.FormPseudo | wire.FormGroup}[s.Version]
	default:
		return false
	}
	return true
}

func (w *world) timing(s *Spec, k, v string) bool {
	to := map[string]*time.Duration{
		"int": &s.Interval, "preempt": &s.PreemptDelay, "delay": &s.Garp.Delay, "refresh": &s.Garp.Refresh, "lowerdelay": &s.Garp.LowerDelay,
		"extra": &s.Garp.Extra,
	}[k]
	if to == nil {
		return false
	}
	*to = w.dur(v)
	return true
}

func (w *world) list(s *Spec, k, v string) bool {
	var words []string
	if v != "" {
		words = strings.Split(v, ",")
	}
	switch k {
	case "dev":
		s.Link = v
	case "src":
		s.Source = netip.MustParseAddr(v)
	case "fault":
		s.ConfigFault = strings.ReplaceAll(v, "_", " ")
	case "addr", "excluded":
		if k == "addr" {
			s.Addresses = nil
		}
		for _, a := range words {
			text, noTrack := strings.CutSuffix(a, "!notrack")
			text, noDAD := strings.CutSuffix(text, "!nodad")
			text, barred := strings.CutSuffix(text, "!barred")
			text, extra := strings.CutSuffix(text, "!extra")
			addr := Address{Address: host.Address{Key: w.key(text), Barred: barred}, NoTrack: noTrack, Excluded: k == "excluded", Extra: extra}
			if noDAD {
				addr.Flags = host.FlagNoDAD
			}
			s.Addresses = append(s.Addresses, addr)
		}
		if len(s.Addresses) > 0 && s.Addresses[0].Prefix.Addr().Is6() {
			s.IPv6, s.Group = true, wire.Group6()
		}
	case "tid":
		s.TransportID = uint16(number(w.t, words[0]))
	case "transport":
		s.Transport, _ = transport.ParseKind(words[0])
	case "peers":
		s.Group, s.Peers = netip.Addr{}, nil
		for _, p := range words {
			addr, ttls, _ := strings.Cut(p, "/") // 192.0.2.2/250-255
			peer := Peer{Addr: netip.MustParseAddr(addr), MaxTTL: 255}
			if ttls != "" {
				_, _ = fmt.Sscanf(ttls, "%d-%d", &peer.MinTTL, &peer.MaxTTL)
			}
			s.Peers = append(s.Peers, peer)
		}
	case "pass":
		s.AuthType, s.Password = max(s.AuthType, wire.AuthPass), [8]byte{}
		copy(s.Password[:], v)
	case "accept":
		s.Accept = 0
		for _, form := range words {
			s.Accept |= map[string]wire.Form{"plain": wire.FormPlain, "pseudo": wire.FormPseudo, "group": wire.FormGroup}[form]
		}
	case "auth":
		s.AuthType = authTypes[v]
	case "hmac", "active", "window", "mode":
		w.hmac(s, k, v)
	case "statics":
		s.Statics = nil
		for _, a := range words {
			s.Statics = append(s.Statics, w.key(a))
		}
	case "links":
		s.Links = nil
		for _, b := range words {
			name, weight, reverse := binding(b)
			s.Links = append(s.Links, LinkBinding{Link: name, Weight: weight, Reverse: reverse})
		}
	case "scripts", "trackers":
		s.Trackers = nil
		for _, b := range words {
			name, weight, reverse := binding(b)
			id := source(name)
			s.Trackers = append(s.Trackers, track.Binding{Kind: id.Kind, Source: id.Name, Weight: weight, Reverse: reverse})
		}
	default:
		return false
	}
	return true
}

// source reads the name of a tracked source: of a script, unless it says "file/", "process/" or "check/".
func source(s string) track.ID {
	for prefix, kind := range map[string]track.Kind{"file/": track.OfFile, "process/": track.OfProcess, "check/": track.OfCheck} {
		if name, ok := strings.CutPrefix(s, prefix); ok {
			return track.ID{Kind: kind, Name: name}
		}
	}
	return track.ID{Name: s}
}

// binding reads "s1:20!": source, weight, reversed.
func binding(s string) (name string, weight int, reverse bool) {
	s, reverse = strings.CutSuffix(s, "!")
	name, w, ok := strings.Cut(s, ":")
	if ok {
		_, _ = fmt.Sscanf(w, "%d", &weight)
	}
	return name, weight, reverse
}
