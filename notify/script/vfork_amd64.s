#include "textflag.h"

// func rawVfork(trap, a1, a2 uintptr) (r uintptr, err syscall.Errno)
//
// The child returns first, and what it calls then is written where our return address is: the parent keeps it in a register, which the
// kernel gives back to it.
TEXT ·rawVfork(SB),NOSPLIT|NOFRAME,$0-40
	MOVQ	trap+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	XORL	R9, R9
	POPQ	R12
	SYSCALL
	PUSHQ	R12
	CMPQ	AX, $0xfffffffffffff001
	JCS	ok
	NEGQ	AX
	MOVQ	$-1, r+24(FP)
	MOVQ	AX, err+32(FP)
	RET
ok:
	MOVQ	AX, r+24(FP)
	MOVQ	$0, err+32(FP)
	RET
