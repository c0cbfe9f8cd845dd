package kernel

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"holdfast.dev/host"
)

func TestHeldRoundTrip(t *testing.T) {
	h := Held{Boot: "b0", Namespace: 4026531840, Items: Items{
		Keys: []host.Key{
			{Link: "eth0", Prefix: netip.MustParsePrefix("10.0.0.7/32"), Net: netip.MustParsePrefix("10.0.0.8/32")},
			{Link: "eth0", Prefix: netip.MustParsePrefix("10.0.0.3/24")},
			{Link: "vrrp.51", Prefix: netip.MustParsePrefix("fd00::3/128")},
		},
		Routes: []host.Route{everyRoute()["ip route add 10.14.0.0/16 proto 18 nexthop encap mpls 16 via 10.0.0.253 dev eth0 nexthop via inet6 fd00::254 dev eth0"]},
		Rules:  []host.Rule{everyRule()["ip rule add from 10.9.0.0/16 to 10.8.0.0/16 tos 0x10 fwmark 7/0xff iif eth0 oif eth1 pref 100 table 100 protocol 18"]},
	}}
	for i := range h.Routes[0].Hops {
		h.Routes[0].Hops[i].Index = 0
	}
	b, err := EncodeHeld(h)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeHeld(b)
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("%+v, %v\nfrom %s", got, err, b)
	}
	if _, err := EncodeHeld(Held{Items: Items{Keys: make([]host.Key, MaxHeldKeys+1)}}); err == nil {
		t.Error("no limit when writing")
	}
}

func TestHeldRejects(t *testing.T) {
	const frame = `{"version":1,"boot_id":"b","network_namespace":1,"addresses":[%s]}`
	for name, text := range map[string]string{
		"empty":          "",
		"not JSON":       "10.0.0.3 eth0",
		"half":           `{"version":1,"boot_id":"b","addresses":[{"interface":"eth0"`,
		"newer":          `{"version":2}`,
		"no version":     `{}`,
		"no prefix":      fmt.Sprintf(frame, `{"interface":"eth0","address":"10.0.0.3"}`),
		"no address":     fmt.Sprintf(frame, `{"interface":"eth0"}`),
		"no interface":   fmt.Sprintf(frame, `{"address":"10.0.0.3/24"}`),
		"long interface": fmt.Sprintf(frame, `{"interface":"0123456789abcdef","address":"10.0.0.3/24"}`),
		"path":           fmt.Sprintf(frame, `{"interface":"../x","address":"10.0.0.3/24"}`),
		"too many":       fmt.Sprintf(frame, strings.Repeat(`{"interface":"e","address":"10.0.0.3/24"},`, MaxHeldKeys)+`{"interface":"e","address":"10.0.0.3/24"}`),
		"no route":       fmt.Sprintf(strings.TrimSuffix(frame, "}")+`,"routes":[{"Dst":"10.0.0.3/24"}]}`, ""),
		"no rule":        fmt.Sprintf(strings.TrimSuffix(frame, "}")+`,"rules":[{"V6":true}]}`, ""),
		"too long":       strings.Repeat(" ", MaxHeldBytes+1),
	} {
		if h, err := DecodeHeld([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %+v", name, h)
		}
	}
}

func TestSame(t *testing.T) {
	here, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	if !here.Same(here) || here.Namespace == 0 || len(here.Boot) != 36 {
		t.Errorf("%+v", here)
	}
	for _, other := range []Held{{}, {Boot: here.Boot}, {Namespace: here.Namespace}, {Boot: "x", Namespace: here.Namespace}} {
		if here.Same(other) || other.Same(other) && other.Boot == "" {
			t.Errorf("%+v counts as the same", other)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "held")
	for _, text := range []string{"first", "second"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
	if err := WriteFile(filepath.Join(dir, "no", "held"), nil); err == nil {
		t.Error("written into a directory that does not exist")
	}
}

func TestStateFileIsNotASymlink(t *testing.T) {
	dir := t.TempDir()
	target, path := filepath.Join(dir, "target"), filepath.Join(dir, "held")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(path); err == nil {
		t.Errorf("read %q through a symbolic link", b)
	}
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(target); string(b) != "precious" {
		t.Errorf("written through a symbolic link: %q", b)
	}
	if b, err := ReadFile(path); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if _, err := ReadFile(path); err == nil {
		t.Error("a terabyte was read")
	}
	if _, err := ReadFile("/dev/zero"); err == nil {
		t.Error("a device was read")
	}
	if _, err := ReadFile(t.TempDir()); err == nil {
		t.Error("a directory was read")
	}
}

// FuzzDecodeHeld: what a state file says is deleted, so whatever is taken is exactly what would be written again.
func FuzzDecodeHeld(f *testing.F) {
	f.Add([]byte(`{"version":1,"boot_id":"b","network_namespace":1,"addresses":[{"interface":"eth0","address":"10.0.0.3/24"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := DecodeHeld(b)
		if err != nil {
			return
		}
		again, err := EncodeHeld(h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeHeld(again)
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Fatalf("%+v, %v, want %+v", got, err, h)
		}
	})
}
