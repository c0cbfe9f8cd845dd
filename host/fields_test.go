package host

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
)

// vary calls f with every field of v another one, field by field, and then zero if it was not, and puts it back. The path names the field;
// "=0" behind it says that it is zero.
func vary(v reflect.Value, path string, f func(path string)) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	with := func(x any, suffix string) {
		v.Set(reflect.ValueOf(x).Convert(v.Type()))
		f(path + suffix)
		v.Set(was)
	}
	zero := func() {
		if !was.IsZero() {
			with(reflect.Zero(v.Type()).Interface(), "=0")
		}
	}
	switch x := v.Interface().(type) {
	case netip.Addr:
		with(x.Next(), "")
		zero()
		return
	case netip.Prefix:
		if x.IsValid() {
			with(netip.PrefixFrom(x.Addr().Next(), x.Bits()), "")
			with(netip.PrefixFrom(x.Addr(), x.Bits()-1), " length")
		} else {
			with(netip.MustParsePrefix("10.77.0.0/16"), "")
		}
		zero()
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := strings.Trim(path+"."+v.Type().Field(i).Name, ".")
			vary(v.Field(i), name, f)
		}
	case reflect.Bool:
		with(!v.Bool(), "")
	case reflect.Int, reflect.Int64:
		with(v.Int()+1, "")
		zero()
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		with(v.Uint()+1, "")
		zero()
	case reflect.String:
		with(v.String()+"x", "")
		zero()
	case reflect.Array:
		vary(v.Index(v.Len()-1), path, f)
	case reflect.Pointer:
		zero()
		if !v.IsNil() {
			vary(v.Elem(), path, f)
		}
	case reflect.Slice:
		zero()
		for i := range v.Len() {
			vary(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	}
}

// fields tells, a line for each field of x that is changed, which of the questions have another answer then.
func fields[T any](name string, x *T, questions ...question) string {
	var b strings.Builder
	before := make([]string, len(questions))
	for i, q := range questions {
		before[i] = q.ask()
		fmt.Fprintf(&b, "%s %s: %s\n", name, q.name, before[i])
	}
	vary(reflect.ValueOf(x).Elem(), "", func(path string) {
		fmt.Fprintf(&b, "%s %s:", name, path)
		for i, q := range questions {
			if now := q.ask(); now != before[i] {
				b.WriteString(" " + q.name)
			}
		}
		b.WriteByte('\n')
	})
	return b.String()
}

type question struct {
	name string
	ask  func() string
}

func ask(name string, f func() any) question {
	return question{name, func() string { return fmt.Sprint(f()) }}
}

var update = flag.Bool("update", false, "rewrite testdata/fields.txt")

// TestFields holds which field matters to what: what a person calls a route or a rule, whether the kernel could be asked for it, whether
// two are the same, and which one the kernel would take for which. The whole list is in testdata/fields.txt.
func TestFields(t *testing.T) {
	got := routeFields() + ruleFields() + linkFields() + addressFields()
	const path = "testdata/fields.txt"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old, now := strings.Split(string(wanted), "\n"), strings.Split(got, "\n")
	for i, line := range now {
		if i >= len(old) || old[i] != line {
			t.Fatalf("line %d of %s is now: %s", i+1, path, line)
		}
	}
	if len(old) != len(now) {
		t.Errorf("%d lines in %s, now %d", len(old), path, len(now))
	}
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }
func ip(text string) netip.Addr       { return netip.MustParseAddr(text) }

func fourRoute() *Route {
	return &Route{
		Dst: prefix("10.9.0.0/16"), Table: 100, Metric: 20, Type: 1, Scope: 253, TOS: 4, Proto: ProtoMark, Source: ip("10.0.0.3"), Realms: 5,
		Hops: []Hop{{
			Dev: "eth0", Index: 2, Via: ip("10.0.0.1"), Weight: 3,
			Encap: &Encap{Kind: EncapMPLS, TOS: 1, TTL: 2, Flags: 3, ID: 4, Labels: []uint32{7, 8}, ILA: 9},
		}},
	}
}

func multiRoute() *Route {
	rt := fourRoute()
	rt.Multi, rt.Hops = true, append(rt.Hops, Hop{Dev: "eth1", Index: 3, Via: ip("10.0.1.1"), Weight: 1})
	return rt
}

func sixRoute() *Route {
	return &Route{
		Dst: prefix("fd90::/64"), From: prefix("fd91::/64"), VRF: "blue", Table: 7, Type: 1, Proto: 4, Pref: 1, TTLProp: On, Expires: 60,
		Source: ip("fd00::3"), Metrics: []Metric{{Kind: 2, Lock: true, Value: 1400}}, Congestion: "reno", CongLock: true,
		Hops: []Hop{{Index: 2, Via: ip("fd00::1"), OnLink: true, Encap: &Encap{Kind: EncapIP6, ID: 1, Dst: ip("fd02::1"), Src: ip("fd02::2")}}},
	}
}

func blackRoute(dst string, hops ...Hop) func() *Route {
	return func() *Route {
		return &Route{Dst: prefix(dst), Table: TableMain, Type: 6, Proto: ProtoMark, Hops: hops}
	}
}

func routeFields() string {
	var b strings.Builder
	for _, c := range []struct {
		name       string
		make, have func() *Route
	}{
		{"four", fourRoute, fourRoute},
		{"multi", multiRoute, multiRoute},
		{"six", sixRoute, sixRoute},
		{"black", blackRoute("10.9.0.0/16"), blackRoute("10.9.0.0/16")},
		{"black6", blackRoute("fd90::/64"), blackRoute("fd90::/64", Hop{Dev: "lo", Index: 1})},
	} {
		x, have := c.make(), c.have()
		b.WriteString(fields("route "+c.name, x,
			ask("key", func() any { return x.Key().Entry }), ask("valid", func() any { return x.Valid() }),
			ask("same", func() any { return x.Same(have) }), ask("settings", func() any { return sameRoute(x, have) }),
			ask("like", func() any { return x.like(have) }), ask("found", func() any { return have.like(x) }),
			ask("meets", func() any { return x.Meets(have) }), ask("met", func() any { return have.Meets(x) }),
			ask("uses", func() any { return fmt.Sprint(x.Uses("eth0"), x.Uses("blue")) }),
		))
	}
	return b.String()
}

func ruleFields() string {
	var b strings.Builder
	for _, c := range []struct {
		name string
		rule Rule
	}{
		{"full", Rule{
			Action: ActLookup, TOS: 1, Proto: 4, IPProto: 6, Priority: 100, Table: 7, Realms: 0x20003, TunnelID: 9, From: prefix("10.1.0.0/16"),
			To: prefix("10.2.0.0/16"), IIF: "eth0", OIF: "eth1", Mark: Masked{true, 1, 2}, UIDs: Span{true, 1, 2}, SrcPorts: Span{true, 3, 4},
			DstPorts: Span{true, 5, 6}, SuppressLen: Maybe{true, 1}, SuppressGrp: Maybe{true, 2},
		}},
		{"l3mdev", Rule{V6: true, L3MDev: true, Action: ActLookup, Proto: ProtoMark, From: prefix("fd00::/8"), Not: true, Realms: 1}},
		{"goto", Rule{Action: ActGoto, Goto: 300, Proto: ProtoMark}},
		{"blackhole", Rule{Action: ActBlackhole, Proto: ProtoMark}},
	} {
		x, have := c.rule, c.rule
		b.WriteString(fields("rule "+c.name, &x,
			ask("key", func() any { return x.Key().Entry }), ask("valid", func() any { return x.Valid() }),
			ask("meets", func() any { return x.Meets(&have) }), ask("met", func() any { return have.Meets(&x) }),
		))
	}
	return b.String()
}

func linkFields() string {
	link := Link{Name: "eth0", Index: 2, Up: true, Running: true, Kind: Macvlan, Mode: MacvlanBridge, Base: 1, Master: 3, Alias: LinkMark}
	x, have := link, link
	want := VirtualLink{Name: "eth0", Base: "lo", Kind: Macvlan, Mode: MacvlanBridge}
	out := fields("link", &x,
		ask("facts", func() any { return sameFacts(&x, &have) }), ask("up", func() any { return x.IsUp() }), ask("ours", func() any { return x.Ours() }),
		ask("fits", func() any { return want.fits(&x, &Link{Index: 1}) }),
	)
	x.Alias = ""
	out += fields("stranger", &x, ask("fits", func() any { return want.fits(&x, &Link{Index: 1}) }))
	return out + fields("virtual", &want, ask("valid", func() any { return want.valid() }), ask("fits", func() any { return want.fits(&link, &Link{Index: 1}) }))
}

func addressFields() string {
	var b strings.Builder
	for _, text := range []string{"10.0.0.3/24", "fd00::3/64"} {
		have := Address{Key: Key{Link: "eth0", Prefix: prefix(text)}, Label: "eth0:1", Scope: 1, Flags: FlagHomeAddress, Preferred: 5}
		x := have
		b.WriteString(fields("address", &x,
			ask("settings", func() any { same, replaceable := sameSettings(&have, &x); return fmt.Sprint(same, replaceable) }),
			ask("valid", func() any { return x.valid() }), ask("order", func() any { return compareKeys(x.Key, have.Key) }),
			ask("back", func() any { return compareKeys(have.Key, x.Key) }),
		))
		for _, flag := range []uint32{FlagNoDAD, FlagMCAutoJoin, FlagNoPrefixRoute, FlagManageTemp} {
			x.Flags = have.Flags | flag
			same, replaceable := sameSettings(&have, &x)
			fmt.Fprintf(&b, "address %s flag %#x: %v %v\n", text, flag, same, replaceable)
		}
		l := LinkAddr{Prefix: prefix(text), Flags: 1, Scope: 2, Proto: 3, Label: "x", Preferred: 5, Valid: 6, Metric: 7}
		s := standing{LinkAddr: l}
		b.WriteString(fields("standing", &l, ask("same", func() any { return s.same(l) })))
		l.Flags = ^uint32(0)
		fmt.Fprintf(&b, "put back: %+v\n", l.asAddress("eth9"))
	}
	return b.String()
}

// TestLimits: what just fits into a message is asked for, one more is not.
func TestLimits(t *testing.T) {
	hops := func(n int) *Route {
		rt := multiRoute()
		rt.Hops = make([]Hop, n)
		return rt
	}
	metrics := func(n int) *Route {
		rt := fourRoute()
		rt.Metrics = make([]Metric, n)
		return rt
	}
	labels := func(n int) *Route {
		rt := fourRoute()
		rt.Hops[0].Encap.Labels = make([]uint32, n)
		return rt
	}
	single := func(n int) *Route {
		rt := hops(n)
		rt.Multi = false
		return rt
	}
	named := func(n int) *Route {
		rt := fourRoute()
		rt.VRF, rt.Hops[0].Dev = strings.Repeat("v", n), strings.Repeat("d", n)
		return rt
	}
	congestion := func(n int) *Route {
		rt := fourRoute()
		rt.Congestion = strings.Repeat("c", n)
		return rt
	}
	for name, c := range map[string]struct {
		make func(n int) *Route
		most int
	}{
		"hops": {hops, 256}, "metrics": {metrics, 64}, "labels": {labels, 30}, "hops of one": {single, 1}, "names": {named, 15}, "congestion": {congestion, 15},
	} {
		if !c.make(c.most).Valid() || c.make(c.most+1).Valid() {
			t.Errorf("%s: at most %d", name, c.most)
		}
	}
	if labels(0).Valid() {
		t.Error("MPLS without a label")
	}
}
