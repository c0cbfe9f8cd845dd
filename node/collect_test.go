package node

import "testing"

// TestWhenToCollect: when the heap has doubled, or when it stands still with garbage in it; not for little, and not while it grows.
func TestWhenToCollect(t *testing.T) {
	const mb = 1 << 20
	var h heapLook
	for range 3 * settleTicks {
		if h.due(mb+collectFrom-1, mb) {
			t.Fatal("for little garbage")
		}
	}
	if !h.due(9*mb, 4*mb) {
		t.Error("not when it has doubled")
	}
	h = heapLook{}
	for i := range 3 * settleTicks {
		if h.due(16*mb+uint64(i)*2*settleGrowth, 12*mb) {
			t.Fatal("while it grows, at look", i)
		}
	}
	h = heapLook{}
	looks := 0
	for ; !h.due(16*mb+uint64(looks), 12*mb); looks++ {
		if looks > settleTicks {
			t.Fatal("never while it stands still")
		}
	}
	if looks != settleTicks {
		t.Error("after", looks, "looks")
	}
}
