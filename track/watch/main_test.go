package watch

import (
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lockThread keeps the goroutine on a thread that dies with it.
func lockThread() { runtime.LockOSThread() }
