package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/sample"
)

// models loads every golden case and gives those that have a model.
func models(t *testing.T) map[string]*config.Config {
	t.Helper()
	out := make(map[string]*config.Config)
	paths, _ := filepath.Glob("testdata/*.txt")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for c := range strings.SplitSeq(string(text), "\n=== ") {
			name, body, _ := strings.Cut(c, "\n")
			input, _, _ := strings.Cut(body, "---\n")
			if r := load(input, true); r.Config != nil {
				out[name] = r.Config
			}
		}
	}
	if len(out) < 40 {
		t.Fatalf("only %d models", len(out))
	}
	return out
}

// TestJSON checks that a model survives its JSON form without loss: roles get it that way.
func TestJSON(t *testing.T) {
	for name, c := range models(t) {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var back config.Config
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(c, &back) {
			t.Errorf("%s: changed on the way:\n%s\n%s", name, show(reflect.ValueOf(c)), show(reflect.ValueOf(&back)))
		}
		if again, _ := json.Marshal(&back); string(again) != string(text) {
			t.Errorf("%s: JSON is not stable", name)
		}
		if !c.Equal(&back) {
			t.Errorf("%s: not Equal to itself", name)
		}
	}
}

const two = `vrrp_instance VI_1 {
	interface eth0
	virtual_router_id 51
	priority %d
	virtual_ipaddress {
		10.0.0.1%s
	}
}
`

// TestEqual checks that positions do not count and everything else does.
func TestEqual(t *testing.T) {
	base := load(fmt.Sprintf(two, 100, ""), true).Config
	for _, tc := range []struct {
		text string
		want bool
	}{
		{fmt.Sprintf(two, 100, ""), true},
		{"# a comment\n\n" + fmt.Sprintf(two, 100, ""), true},
		{fmt.Sprintf(two, 101, ""), false},
		{fmt.Sprintf(two, 100, "/24"), false},
		{fmt.Sprintf(two, 100, " label eth0:1"), false},
		{fmt.Sprintf(two, 100, "\n10.0.0.2"), false},
		{"global_defs {\nrouter_id other\n}\n" + fmt.Sprintf(two, 100, ""), false},
	} {
		other := load(tc.text, true).Config
		if got := base.Equal(other); got != tc.want {
			t.Errorf("%v, want %v for\n%s", got, tc.want, tc.text)
		}
	}
	if base.Equal(nil) || !base.Instances[0].Equal(&base.Instances[0]) {
		t.Error("comparison with nil or itself")
	}
}

// TestTwice checks that two loads in one process share nothing, also at the same time.
func TestTwice(t *testing.T) {
	const n = 4
	results := make(chan config.Result, n)
	for range n {
		go func() { results <- load(fmt.Sprintf(two, 300, " foo"), true) }()
	}
	first := <-results
	for range n - 1 {
		r := <-results
		if !reflect.DeepEqual(first.Config, r.Config) || len(first.Diags.All()) != len(r.Diags.All()) {
			t.Fatal("loads of one text differ")
		}
	}
}

// TestStrict checks that an error is fatal only where that was asked for.
func TestStrict(t *testing.T) {
	env := machine(false)
	f := tree{"/k.conf": fmt.Sprintf(two, 300, "")}
	if r := config.Load(f, "/k.conf", env); r.Config == nil || r.Diags.Fatal() {
		t.Error("priority 300 must be survived")
	}
	env.Strict = true
	if r := config.Load(f, "/k.conf", env); r.Config != nil {
		t.Error("priority 300 must be fatal with --strict")
	}
}

// TestKnowingNothing loads with an environment in which nothing is known: nothing may be refused for that.
func TestKnowingNothing(t *testing.T) {
	text := "vrrp_script c {\nscript /bin/x\nuser bob\n}\n" + strings.Replace(fmt.Sprintf(two, 100, " dev eth7"), "virtual_router", "track_script { c }\nnotify /bin/y\nvirtual_router", 1)
	r := config.Load(tree{"/k.conf": text}, "/k.conf", config.Env{})
	if r.Config == nil || r.Config.Instances[0].Notify.Any == nil || len(r.Config.Instances[0].Track.Scripts) != 1 {
		t.Errorf("%v", r.Diags.All())
	}
}

// TestMissing checks a main file that is not there.
func TestMissing(t *testing.T) {
	r := config.Load(tree{}, "/nowhere.conf", machine(true))
	if r.Config != nil || !r.Diags.Fatal() || r.Diags.ExitCode() != diag.ExitOK {
		t.Errorf("%v, exit %d", r.Diags.All(), r.Diags.ExitCode())
	}
}

// TestTooMany checks that a loop can't fill the memory.
func TestTooMany(t *testing.T) {
	r := load("vrrp_instance VI_1 {\n~SEQ(N, 1, 1100000) nopreempt\n}\n", true)
	if r.Config != nil || !strings.Contains(fmt.Sprint(r.Diags.All()), "the rest is not read") {
		t.Errorf("%d findings", len(r.Diags.All()))
	}
}

// TestManyBlocks checks that the time for a file grows with its size and not faster, however the entries are spread over
// blocks and however many names collide: each of these took minutes or more when every block looked through all before it.
func TestManyBlocks(t *testing.T) {
	const n = 60_000
	inside := "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n~SEQ(A, 0, 239) ~SEQ(B, 0, 249) %s\n}\n"
	for name, text := range map[string]string{
		"addresses": fmt.Sprintf(inside, "virtual_ipaddress_excluded { 10.1.${A}.${B} }"),
		"peers":     fmt.Sprintf(inside, "unicast_peer { 10.1.${A}.${B} }"),
		"trackers":  fmt.Sprintf("~SEQ(A, 0, 239) ~SEQ(B, 0, 249) track_file f${A}_${B} { file /run/f }\n"+inside, "track_file { f${A}_${B} }"),
	} {
		start := time.Now()
		load(text, false)
		if d := time.Since(start); d > time.Minute { // it takes about a second
			t.Errorf("%s: %v for %d entries", name, d, n)
		}
	}
}

// TestManyLinks gives ten thousand virtual interfaces of one VRID names of their own.
func TestManyLinks(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "vrrp_instance V%d {\ninterface e%d\nvirtual_router_id 7\nuse_vmac\nvirtual_ipaddress { 10.1.%d.%d }\n}\n", i, i, i/250, i%250)
	}
	env := machine(false)
	env.Interface = nil
	r := config.Load(tree{"/k.conf": b.String()}, "/k.conf", env)
	names := make(map[string]bool)
	for i := range r.Config.Instances {
		names[r.Config.Instances[i].Virtual.Name] = true
	}
	if len(names) != 10_000 {
		t.Errorf("%d names", len(names))
	}
}

// BenchmarkLoad loads 10,000 instances and tells how much memory the model takes per byte of text.
func BenchmarkLoad(b *testing.B) {
	text := sample.Instances(10_000)
	env := machine(false)
	env.Interface = nil
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := config.Load(tree{"/k.conf": text}, "/k.conf", env)
		if r.Config == nil || len(r.Config.Instances) != 10_000 {
			b.Fatal(r.Diags.All())
		}
	}
	b.ReportMetric(held(text), "heap/text")
}

// BenchmarkServices loads 1,000 virtual servers with 50,000 real servers.
func BenchmarkServices(b *testing.B) {
	text := sample.Services(1000, 50)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if r := config.Load(tree{"/k.conf": text}, "/k.conf", machine(false)); r.Config == nil || len(r.Config.Services) != 1000 {
			b.Fatal(r.Diags.All())
		}
	}
	b.ReportMetric(held(text), "heap/text")
}

// held is how much memory the model of a text keeps, per byte of the text.
func held(text string) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	env := machine(false)
	env.Interface = nil
	r := config.Load(tree{"/k.conf": text}, "/k.conf", env)
	runtime.GC()
	runtime.ReadMemStats(&after)
	defer runtime.KeepAlive(r)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(len(text))
}

// TestMemory holds large models to three times their text.
func TestMemory(t *testing.T) {
	for name, text := range map[string]string{"instances": sample.Instances(5000), "services": sample.Services(100, 50)} {
		if got := held(text); got > 3 {
			t.Errorf("%s: %.2f times the text", name, got)
		}
	}
}

// FuzzLoad checks that no text makes Load panic, and that what it makes of it survives JSON.
func FuzzLoad(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txt")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for c := range strings.SplitSeq(string(text), "\n=== ") {
			_, body, _ := strings.Cut(c, "\n")
			input, _, _ := strings.Cut(body, "---\n")
			f.Add(input)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := load(text, false)
		if r.Config == nil {
			if !r.Diags.Fatal() {
				t.Fatal("no model, and nothing fatal")
			}
			return
		}
		for i := range r.Config.Instances {
			check(t, &r.Config.Instances[i])
		}
		data, err := json.Marshal(r.Config)
		if err != nil {
			t.Fatal(err)
		}
		var back config.Config
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
	})
}

// check holds an instance against what its fields promise.
func check(t *testing.T, i *config.Instance) {
	t.Helper()
	switch {
	case i.VRID == 0, i.Priority == 0, i.Version != 2 && i.Version != 3, i.Family != config.IPv4 && i.Family != config.IPv6,
		i.AdvertInterval <= 0, i.DownTimerAdverts < 1, len(i.Addresses) > 255, i.Unicast() == i.Group.IsValid():
		t.Fatalf("%s", show(reflect.ValueOf(i)))
	}
	for _, a := range i.Addresses {
		if !a.Prefix.IsValid() || a.Dev == "" || a.Addr().Is4() != (i.Family == config.IPv4) {
			t.Fatalf("%s", show(reflect.ValueOf(a)))
		}
	}
}

// TestMerged: the text with what it includes, as a parser saw it, where that is asked for.
func TestMerged(t *testing.T) {
	f := tree{
		"/etc/keepalived/keepalived.conf": "$A=51\nglobal_defs {\n  router_id x # a comment\n}\ninclude more.conf\n",
		"/etc/keepalived/more.conf":       "vrrp_instance V {\n\tinterface eth0\n\tvirtual_router_id $A\n\tvirtual_ipaddress {\n\t\t10.0.0.9/32\n\t}\n}\n",
	}
	env := machine(false)
	if r := config.Load(f, "/etc/keepalived/keepalived.conf", env); r.Merged != "" {
		t.Errorf("nobody asked: %s", r.Merged)
	}
	env.Merge = true
	r := config.Load(f, "/etc/keepalived/keepalived.conf", env)
	const want = "global_defs\n{\nrouter_id x\n}\nvrrp_instance V\n{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress\n{\n10.0.0.9/32\n}\n}\n"
	if r.Config == nil || r.Merged != want {
		t.Errorf("merged:\n%s\nwant:\n%s", r.Merged, want)
	}
}
