package script

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// warm makes n threads that the runtime then has in store. It gives up the whole process when it can't make one that it
// needs, and a full process table is just when we must live on to say so.
func warm(n int) {
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
