package threads

import (
	"os"
	"testing"
)

func TestStore(t *testing.T) {
	count := func() int {
		all, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Skip(err)
		}
		return len(all)
	}
	Store(32)
	if n := count(); n < 32 {
		t.Errorf("%d threads", n)
	}
	before := count()
	Store(16)
	if n := count(); n > before+8 {
		t.Errorf("%d threads, %d before: those in store were not used", n, before)
	}
}
