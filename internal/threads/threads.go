// Package threads keeps threads in store. Go's runtime gives up the whole process when it can't make a thread that it needs, and a full
// process table is just when a daemon must live on.
package threads

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Store makes n threads that the runtime then has in store: it ends none that is idle.
func Store(n int) {
	var all sync.WaitGroup
	var here sync.WaitGroup
	here.Add(n)
	for range n {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			here.Done()
			here.Wait() // each on a thread of its own, all at once
			ts := unix.NsecToTimespec(int64(time.Millisecond))
			_ = unix.Nanosleep(&ts, nil)
		})
	}
	all.Wait()
}
