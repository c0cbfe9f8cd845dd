//go:build amd64 || arm64

package jail

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Where struct seccomp_data has what: the number of the call, the architecture, the instruction pointer, six arguments.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// What the kernel does with a call.
const (
	permit = unix.SECCOMP_RET_ALLOW
	refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	absent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// filter makes the program that decides, for calls of one architecture. What is on no list is refused; what this program
// can't judge, because another architecture's numbers mean something else or because it is newer, is not there.
func filter(arch uint32, rules []rule) ([]bpf.Instruction, error) {
	var blocks []bpf.Instruction // of the rules with cases
	starts := make(map[uint32]int)
	for _, r := range rules {
		if len(r.cases) > 0 {
			starts[r.nr] = len(blocks)
			blocks = append(blocks, block(r.cases)...)
		}
	}
	out := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		bpf.RetConstant{Val: absent},
		bpf.LoadAbsolute{Off: offsetCall, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: newest, SkipFalse: 1},
		bpf.RetConstant{Val: absent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_CLONE3, SkipFalse: 1}, // its flags are in memory; everybody knows clone too
		bpf.RetConstant{Val: absent},
	}
	// Behind the list: refuse, permit, the blocks.
	for i, r := range rules {
		left := len(rules) - i - 1
		skip := left + 1
		if at, ok := starts[r.nr]; ok {
			skip = left + 2 + at
		}
		if skip > 255 {
			return nil, fmt.Errorf("filter: rule of system call %d jumps too far", r.nr)
		}
		out = append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.nr, SkipTrue: uint8(skip)})
	}
	out = append(out, bpf.RetConstant{Val: refuse}, bpf.RetConstant{Val: permit})
	return append(out, blocks...), nil
}

// block decides about a call by its arguments.
func block(cases [][]test) (out []bpf.Instruction) {
	for _, tests := range cases {
		for i, t := range tests {
			left := 3*(len(tests)-i-1) + 1 // instructions of this case behind this test
			out = append(out,
				bpf.LoadAbsolute{Off: uint32(offsetArgs + 4*t.half), Size: 4},
				bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: t.mask},
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: t.want, SkipFalse: uint8(left)},
			)
		}
		out = append(out, bpf.RetConstant{Val: permit})
	}
	return append(out, bpf.RetConstant{Val: refuse})
}
