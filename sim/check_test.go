package sim

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// settled is a world in which nothing is wrong: n1 has been MASTER for ten seconds, n2 is BACKUP and hears it.
func settled(t *testing.T) (w *World, master, backup *Node) {
	t.Helper()
	w, wrong := (&duel{priority: [2]uint8{200, 100}}).play(0, nil)
	if wrong != "" {
		t.Fatal(wrong)
	}
	return w, w.real[0], w.real[1]
}

// advertOf is an advert as the node's router has to send it.
func advertOf(t *testing.T, n *Node, priority uint8) *vrrp.Send {
	t.Helper()
	x := n.watches[0]
	tmpl, err := wire.NewTemplate(wire.Params{
		Version: x.spec.Version, VRID: x.spec.VRID, Interval: x.spec.Interval, Sum: wire.FormPseudo,
		Addrs: []netip.Addr{x.spec.Addresses[0].Prefix.Addr()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &vrrp.Send{Owner: x.owner, Src: n.nics[0].sourceOf(false), Dst: wire.Group4(), TTL: wire.HopLimit, ID: 7}
	if s.Payload, err = tmpl.Append(nil, priority, s.Src, s.Dst); err != nil {
		t.Fatal(err)
	}
	return s
}

// sum makes the checksum right again after a field was changed.
func sum(x *watch, s *vrrp.Send) {
	for try := range 1 << 16 {
		s.Payload[6], s.Payload[7] = byte(try>>8), byte(try)
		if summed(x.spec, s) {
			return
		}
	}
}

// RFC 9568 sections 5.1, 5.2 and 7.2: whatever field of an advert is wrong, the checker of every world says so.
func TestMalformedAdvertIsNoticed(t *testing.T) {
	_, n, _ := settled(t)
	x := n.watches[0]
	if text := malformed(n, x.spec, advertOf(t, n, 200)); text != "" {
		t.Fatalf("the advert that nothing is wrong with: %s", text)
	}
	for name, edit := range map[string]func(s *vrrp.Send){
		"version":               func(s *vrrp.Send) { s.Payload[0] = 0x21 },
		"type":                  func(s *vrrp.Send) { s.Payload[0] = 0x32 },
		"VRID":                  func(s *vrrp.Send) { s.Payload[1]++ },
		"priority of the owner": func(s *vrrp.Send) { s.Payload[2] = 255 },
		"count":                 func(s *vrrp.Send) { s.Payload[3]++ },
		"no addresses":          func(s *vrrp.Send) { s.Payload[3], s.Payload = 0, s.Payload[:8] },
		"reserved bits":         func(s *vrrp.Send) { s.Payload[4] |= 0x50 },
		"interval":              func(s *vrrp.Send) { s.Payload[5]++ },
		"interval zero":         func(s *vrrp.Send) { s.Payload[5] = 0 },
		"another address":       func(s *vrrp.Send) { s.Payload[8]++ },
		"an octet too much":     func(s *vrrp.Send) { s.Payload = append(s.Payload, 0, 0) },
		"TTL":                   func(s *vrrp.Send) { s.TTL = 254 },
		"destination":           func(s *vrrp.Send) { s.Dst = netip.MustParseAddr("224.0.0.19") },
		"source":                func(s *vrrp.Send) { s.Src = netip.MustParseAddr("10.0.0.1") },
		"identification":        func(s *vrrp.Send) { s.ID = 0 },
	} {
		s := advertOf(t, n, 200)
		edit(s)
		sum(x, s)
		if malformed(n, x.spec, s) == "" {
			t.Errorf("%s: nothing is wrong with %x", name, s.Payload)
		}
	}
	for bit := range 16 {
		s := advertOf(t, n, 200)
		s.Payload[6+bit/8] ^= 1 << (bit % 8)
		if malformed(n, x.spec, s) == "" {
			t.Errorf("bit %d of the checksum: nothing is wrong with %x", bit, s.Payload)
		}
	}
}

// withVirtual has a router of a node want a virtual link.
func withVirtual(n *Node, v host.VirtualLink) {
	spec := *n.watches[0].spec
	spec.Virtual = []host.VirtualLink{v}
	n.watches[0].spec = &spec
}

// headed is an advert behind an Authentication Header; the router's password is "secret".
func headed(t *testing.T, n *Node, seq uint32, password string) *vrrp.Send {
	t.Helper()
	s := advertOf(t, n, 200)
	spec := *n.watches[0].spec
	copy(spec.Password[:], "secret")
	n.watches[0].spec = &spec
	s.Port.AH = true
	s.Payload = append(make([]byte, wire.AHLen), s.Payload...)
	s.Payload = headedAs(t, s, s.ID, seq, password)
	return s
}

func headedAs(t *testing.T, s *vrrp.Send, id uint16, seq uint32, password string) []byte {
	t.Helper()
	var key [wire.AuthLen]byte
	copy(key[:], password)
	b := slices.Clone(s.Payload)
	h := wire.IPv4{Protocol: wire.ProtoAH, TTL: s.TTL, ID: id, Src: s.Src, Dst: s.Dst}
	if err := wire.NewAHKey(key).Sign(b, &h, false, seq); err != nil {
		t.Fatal(err)
	}
	return b
}

// Every checker is shown what it is there for: a trace in which a rule is broken.
func TestViolationsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		name, check, text string
		do                func(w *World, master, backup *Node)
	}{
		{"a BACKUP advertises", "speaking", "advertises as BACKUP", func(w *World, _, backup *Node) {
			w.checks.speaking.sent(backup, backup.watches[0], advertOf(t, backup, 100))
			w.checks.speaking.handled(backup)
		}},
		{"a BACKUP says goodbye", "speaking", "says goodbye as BACKUP", func(w *World, _, backup *Node) {
			w.checks.speaking.sent(backup, backup.watches[0], advertOf(t, backup, 0))
		}},
		{"goodbye, and still MASTER", "speaking", "still MASTER", func(w *World, master, _ *Node) {
			master.handling = &vrrp.Received{} // an answer, which may come at any time
			w.checks.speaking.sent(master, master.watches[0], advertOf(t, master, 0))
			w.checks.speaking.handled(master)
		}},
		{"no goodbye", "speaking", "without a goodbye", func(w *World, master, _ *Node) {
			w.checks.speaking.moved(master, master.watches[0], &vrrp.Transition{From: vrrp.Master, To: vrrp.Init, Cause: vrrp.Cause{Why: vrrp.WhyStop}})
		}},
		{"a malformed advert", "speaking", "TTL is not 255", func(w *World, master, _ *Node) {
			master.handling = &vrrp.Received{}
			s := advertOf(t, master, 200)
			s.TTL = 64
			w.checks.speaking.sent(master, master.watches[0], s)
		}},
		{"a BACKUP announces", "holding", "as BACKUP", func(w *World, _, backup *Node) {
			w.checks.announced(backup, []vrrp.Announcement{{Owner: backup.watches[0].owner, Addr: netip.MustParseAddr("10.0.0.1")}})
		}},
		{"what does not stand is announced", "holding", "which the kernel does not hold", func(w *World, master, _ *Node) {
			w.checks.announced(master, []vrrp.Announcement{{Owner: master.watches[0].owner, Addr: netip.MustParseAddr("10.0.0.2")}})
		}},
		{"a take-over too early", "timers", "too early", func(w *World, _, backup *Node) {
			w.checks.timers.moved(backup, backup.watches[0], &vrrp.Transition{From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.Cause{Why: vrrp.WhyTimeout}})
		}},
		{"a take-over too late", "timers", "too late", func(w *World, _, backup *Node) {
			w.now = w.now.Add(time.Minute)
			w.checks.timers.moved(backup, backup.watches[0], &vrrp.Transition{From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.Cause{Why: vrrp.WhyTimeout}})
		}},
		{"an advert too late", "timers", "advertises after", func(w *World, master, _ *Node) {
			w.now = w.now.Add(3 * time.Second)
			w.checks.timers.sent(master, master.watches[0], master.clocks.now(w.now).Mono)
		}},
		{"an advert too early", "timers", "advertises again after", func(w *World, master, _ *Node) {
			master.handling = &vrrp.AdvertsDue{}
			w.now = w.now.Add(time.Millisecond)
			w.checks.timers.sent(master, master.watches[0], master.clocks.now(w.now).Mono)
		}},
		{"a silent MASTER", "timers", "silent for", func(w *World, master, _ *Node) {
			w.now = w.now.Add(2 * time.Second)
			w.checks.timers.rounded(master, master.clocks.now(w.now))
		}},
		{"a MASTER that slept", "timers", "has not said so", func(w *World, master, _ *Node) {
			w.now = w.now.Add(4 * time.Second)
			w.checks.timers.rounded(master, master.clocks.now(w.now))
		}},
		{"two MASTERs", "election", "2 masters", func(w *World, _, backup *Node) {
			backup.watches[0].state = vrrp.Master
			w.checks.election.settle(w, w.bound())
		}},
		{"no MASTER", "election", "0 masters", func(w *World, master, _ *Node) {
			master.watches[0].state = vrrp.Backup
			w.checks.election.settle(w, w.bound())
		}},
		{"the wrong MASTER", "election", "has 200 and preempts", func(w *World, master, backup *Node) {
			master.watches[0].state, backup.watches[0].state = vrrp.Backup, vrrp.Master
			w.checks.election.settle(w, w.bound())
		}},
		{"a BACKUP that holds the address", "real", "stands: true", func(w *World, _, backup *Node) {
			backup.kernel.AddAddr(backup.nics[0].name, "10.0.0.1/32")
			w.checks.election.settle(w, w.bound())
		}},
		{"a transition from another state", "state", "but was", func(w *World, _, backup *Node) {
			w.checks.moved(backup, &vrrp.Transition{Owner: backup.watches[0].owner, From: vrrp.Master, To: vrrp.Backup})
		}},
		{"told out of order", "telling", "notification", func(w *World, master, _ *Node) {
			w.checks.told(master, &notify.Event{Seq: master.seq, Object: notify.Instance, Name: "VI_1", State: notify.Backup})
		}},
		{"told twice", "telling", "twice in a row", func(w *World, master, _ *Node) {
			w.checks.told(master, &notify.Event{Seq: master.seq + 1, Object: notify.Instance, Name: "VI_1", State: notify.Master})
		}},
		{"another state was told under a name", "telling", `told last under its name is "BACKUP"`, func(w *World, master, _ *Node) {
			master.lastTold["VI_1"] = notify.Backup
			w.checks.election.settle(w, w.bound())
		}},
		{"told again after a reload", "telling", "twice in a row", func(w *World, master, _ *Node) {
			w.checks.telling.before(master)
			w.checks.telling.reloaded(master)
			w.checks.told(master, &notify.Event{Seq: master.seq + 1, Object: notify.Instance, Name: "VI_1", State: notify.Master})
		}},
		{"a reload of the same file says something", "reloads", "outputs", func(w *World, master, _ *Node) {
			w.checks.reloads.before(master, master.config, master.config)
			master.outputs++
			w.checks.reloads.after(master, master.config, master.config)
		}},
		{"a route of a BACKUP", "real", "\"route blackhole 10.9.0.0/16\" stands", func(w *World, _, backup *Node) {
			backup.kernel.AddRoute(host.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Type: 6, Table: host.TableMain, Proto: host.ProtoMark})
			w.checks.election.settle(w, w.bound())
		}},
		{"a BACKUP's macvlan is up", "real", "VI_1 is BACKUP and vrrp.51 is up", func(w *World, _, backup *Node) {
			v := host.VirtualLink{Name: "vrrp.51", Base: "eth0", Kind: host.Macvlan, Mode: host.MacvlanBridge, MAC: [6]byte{0, 0, 0x5e, 0, 1, 51}}
			backup.kernel.Apply([]host.Op{{Link: &host.LinkOp{Do: host.LinkMake, Want: v, Base: backup.nics[0].index}}}, nil)
			backup.kernel.SetUp(v.Name, true)
			withVirtual(backup, v)
			w.checks.election.settle(w, w.bound())
		}},
		{"no macvlan", "real", "vrrp.51 is not as it should be", func(w *World, _, backup *Node) {
			withVirtual(backup, host.VirtualLink{Name: "vrrp.51", Kind: host.Macvlan})
			w.checks.election.settle(w, w.bound())
		}},
		{"a header of another password", "speaking", "not that of its password", func(w *World, master, _ *Node) {
			master.handling = &vrrp.AdvertsDue{}
			w.checks.speaking.sent(master, master.watches[0], headed(t, master, 1, "mistake"))
		}},
		{"a header's sequence again", "speaking", "sends sequence 1 after 1", func(w *World, master, _ *Node) {
			master.handling = &vrrp.AdvertsDue{}
			w.checks.speaking.unwrap(master, master.watches[0], headed(t, master, 1, "secret"))
			s := headed(t, master, 1, "secret")
			s.ID, s.Payload = 8, headedAs(t, s, 8, 1, "secret")
			w.checks.speaking.unwrap(master, master.watches[0], s)
		}},
		{"something is left", "leaks", "still there after the end", func(w *World, master, _ *Node) {
			master.alive = false
			w.checks.left(master)
		}},
	} {
		w, master, backup := settled(t)
		w.checks.election.settle(w, w.bound())
		if w.failure != nil {
			t.Fatalf("nothing is wrong yet: %v", w.failure)
		}
		if c.do(w, master, backup); w.failure == nil {
			t.Errorf("%s: nobody noticed", c.name)
		} else if f := w.failure; f.Check != c.check || !strings.Contains(f.Text, c.text) {
			t.Errorf("%s: %s noticed that %s, not %s that %s", c.name, f.Check, f.Text, c.check, c.text)
		}
	}
}
