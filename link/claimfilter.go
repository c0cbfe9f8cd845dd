package link

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
)

// maxRanges bounds a filter of addresses: with more, those that are nearest to each other are taken together, and addresses between them
// pass too. The kernel's default for what a socket may keep (optmem_max) has room for it.
const maxRanges = 256

// span is a range of addresses, or of the last 32 bits of IPv6 addresses.
type span struct{ lo, hi uint32 }

// spans covers the addresses with at most limit ranges.
func spans(addrs []netip.Addr, limit int) (out []span) {
	var keys []uint32
	for _, a := range addrs {
		b := a.As16()
		keys = append(keys, binary.BigEndian.Uint32(b[12:]))
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		if n := len(out); n > 0 && out[n-1].hi+1 == k {
			out[n-1].hi = k
		} else {
			out = append(out, span{k, k})
		}
	}
	if len(out) <= limit {
		return out
	}
	return joined(out, limit)
}

// joined takes together what has the smallest gaps between.
func joined(in []span, limit int) (out []span) {
	var gaps []uint32
	for i := range in[1:] {
		gaps = append(gaps, in[i+1].lo-in[i].hi)
	}
	slices.Sort(gaps)
	smallest := len(in) - limit // gaps that have to go
	most := gaps[smallest-1]
	out = append(out, in[0])
	for _, s := range in[1:] {
		last := &out[len(out)-1]
		if gap := s.lo - last.hi; gap <= most && smallest > 0 {
			last.hi = s.hi
			smallest--
		} else {
			out = append(out, s)
		}
	}
	return out
}

// search is a program that looks the value of the accumulator up in ranges that are sorted, with about ten steps at most.
func search(in []span) []bpf.Instruction {
	if len(in) == 1 {
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: in[0].lo, SkipFalse: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: in[0].hi, SkipTrue: 1},
			bpf.RetConstant{Val: acceptAll},
			bpf.RetConstant{Val: 0},
		}
	}
	mid := len(in) / 2
	left, right := search(in[:mid]), search(in[mid:])
	prog := []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: in[mid].lo, SkipFalse: 1},
		bpf.Jump{Skip: uint32(len(left))},
	}
	return append(append(prog, left...), right...)
}

// Offsets in an Ethernet frame.
const (
	arpSender  = 14 + 14          // sender protocol address of an ARP packet
	naTarget32 = 14 + 40 + 8 + 12 // the last 32 bits of the target of a neighbour advertisement
)

// claimFilter lets the claims of these addresses pass, which must be of one family and at least one.
func claimFilter(family int, addrs []netip.Addr) []bpf.Instruction {
	find := search(spans(addrs, maxRanges))
	if family == 4 {
		return append([]bpf.Instruction{bpf.LoadAbsolute{Off: arpSender, Size: 4}}, find...)
	}
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 14 + 6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 58, SkipTrue: 2},
		bpf.LoadAbsolute{Off: 14 + 40, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 136, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: naTarget32, Size: 4},
	}
	return append(prog, find...)
}
