package link

import (
	"golang.org/x/net/bpf"

	"holdfast.dev/vrrp/wire"
)

// VRIDSet is a set of virtual router identifiers.
type VRIDSet [8]uint32

// Add puts vrid into the set.
func (s *VRIDSet) Add(vrid uint8) { s[vrid>>5] |= 1 << (vrid & 31) }

// Has reports whether vrid is in the set.
func (s *VRIDSet) Has(vrid uint8) bool { return s[vrid>>5]&(1<<(vrid&31)) != 0 }

// acceptAll is what a filter program returns to keep a packet whole.
const acceptAll = 1 << 18

// filter is the socket filter that keeps the packets whose second octet after the IP header is in the set. The header is in front
// of what an IPv4 raw socket filters and gone from what an IPv6 one does. A packet too short to have a VRID belongs to nobody
// and is dropped (the load beyond its end does that). Nothing else is looked at: wrong TTLs, versions and checksums are
// counted by those who know the router they were meant for.
func (s *VRIDSet) filter(family int) []bpf.Instruction {
	var prog []bpf.Instruction
	if family == 4 {
		prog = append(prog, bpf.LoadMemShift{Off: 0}, bpf.LoadIndirect{Off: 1, Size: 1})
	} else {
		prog = append(prog, bpf.LoadAbsolute{Off: 1, Size: 1})
	}
	return append(prog, s.chosen()...)
}

// filterAH is the filter for packets with an Authentication Header: those that protect another protocol are somebody else's, of the rest
// those of the set; nil lets all of the rest pass.
func (s *VRIDSet) filterAH() []bpf.Instruction {
	prog := []bpf.Instruction{
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: wire.ProtoVRRP, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadIndirect{Off: wire.AHLen + 1, Size: 1},
	}
	if s == nil {
		return append(prog, bpf.RetConstant{Val: acceptAll})
	}
	return append(prog, s.chosen()...)
}

// chosen keeps the packet if the VRID in register A is in the set.
func (s *VRIDSet) chosen() []bpf.Instruction {
	// The set is eight words: bit (VRID & 31) of word (VRID >> 5).
	prog := []bpf.Instruction{
		bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5},
	}
	for word, bits := range s {
		if bits == 0 {
			continue
		}
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(word), SkipTrue: 6}, // to the next word
			bpf.LoadConstant{Dst: bpf.RegA, Val: bits},
			bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
			bpf.RetConstant{Val: acceptAll},
			bpf.RetConstant{Val: 0},
		)
	}
	return append(prog, bpf.RetConstant{Val: 0})
}
