package link

import (
	"testing"

	"golang.org/x/net/bpf"
	"pgregory.net/rapid"

	_ "holdfast.dev/internal/steady" // the same on CI every time
	"holdfast.dev/vrrp/wire"
)

// TestFilterVM holds the filter program to the set it was made of, on headers of every length, with a BPF machine that is not the
// kernel's.
func TestFilterVM(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set VRIDSet
		for _, v := range rapid.SliceOfN(rapid.Uint8(), 0, 300).Draw(t, "set") {
			set.Add(v)
		}
		family := rapid.SampledFrom([]int{4, 6}).Draw(t, "family")
		vm, err := bpf.NewVM(set.filter(family))
		if err != nil {
			t.Fatal(err)
		}
		var head []byte
		if family == 4 {
			words := rapid.IntRange(5, 15).Draw(t, "header")
			head = rapid.SliceOfN(rapid.Byte(), words*4, words*4).Draw(t, "octets")
			head[0] = 0x40 | byte(words)
		}
		rest := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "message")
		keep, err := vm.Run(append(head, rest...))
		if err != nil {
			t.Fatal(err)
		}
		want := len(rest) >= 2 && set.Has(rest[1])
		if (keep > 0) != want {
			t.Errorf("kept %d octets of %x, want it kept: %v", keep, rest, want)
		}
		if want && keep < bufSize {
			t.Errorf("cuts packets to %d octets", keep)
		}
	})
}

// TestFilterVMOfAH is the same for packets with an Authentication Header; no set lets every VRRP packet pass, and nothing else.
func TestFilterVMOfAH(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set *VRIDSet
		if rapid.Bool().Draw(t, "chosen") {
			set = &VRIDSet{}
			for _, v := range rapid.SliceOfN(rapid.Uint8(), 0, 300).Draw(t, "set") {
				set.Add(v)
			}
		}
		vm, err := bpf.NewVM(set.filterAH())
		if err != nil {
			t.Fatal(err)
		}
		words := rapid.IntRange(5, 15).Draw(t, "header")
		head := rapid.SliceOfN(rapid.Byte(), words*4, words*4).Draw(t, "octets")
		head[0] = 0x40 | byte(words)
		rest := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "message")
		if len(rest) > 0 && rapid.IntRange(0, 9).Draw(t, "vrrp") > 0 {
			rest[0] = wire.ProtoVRRP
		}
		keep, err := vm.Run(append(head, rest...))
		if err != nil {
			t.Fatal(err)
		}
		want := len(rest) >= wire.AHLen+2 && rest[0] == wire.ProtoVRRP && (set == nil || set.Has(rest[wire.AHLen+1]))
		if (keep > 0) != want {
			t.Errorf("kept %d octets of %x, want it kept: %v", keep, rest, want)
		}
	})
}

// TestVRIDSet over all sets of one.
func TestVRIDSet(t *testing.T) {
	for v := range 256 {
		var set VRIDSet
		set.Add(uint8(v))
		for w := range 256 {
			if set.Has(uint8(w)) != (v == w) {
				t.Errorf("set of %d, has %d: %v", v, w, set.Has(uint8(w)))
			}
		}
	}
}
