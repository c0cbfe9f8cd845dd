#include "textflag.h"

// func rawVfork(trap, a1, a2 uintptr) (r uintptr, err syscall.Errno)
//
// The child returns first and goes on on the same stack. Our return address is in a register, which the kernel gives back to the parent.
TEXT ·rawVfork(SB),NOSPLIT|NOFRAME,$0-40
	MOVD	trap+0(FP), R8
	MOVD	a1+8(FP), R0
	MOVD	a2+16(FP), R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	ZR, R5
	SVC
	CMN	$4095, R0
	BCC	ok
	NEG	R0, R0
	MOVD	$-1, R1
	MOVD	R1, r+24(FP)
	MOVD	R0, err+32(FP)
	RET
ok:
	MOVD	R0, r+24(FP)
	MOVD	ZR, err+32(FP)
	RET
