package sched

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Tasks lists the threads of this process, also when it may open no file any more.
type Tasks struct{ dir *os.File }

// OpenTasks opens the list.
func OpenTasks() (*Tasks, error) {
	dir, err := os.Open("/proc/self/task")
	if err != nil {
		return nil, fmt.Errorf("list of threads: %w", err)
	}
	return &Tasks{dir: dir}, nil
}

// Close ends it.
func (t *Tasks) Close() error { return t.dir.Close() }

// each calls f for every thread, the calling one last, until a pass finds no new ones: threads that were not done yet make them.
func (t *Tasks) each(f func(tid int)) {
	seen := map[int]bool{unix.Gettid(): true}
	for fresh := true; fresh; {
		fresh = false
		for _, tid := range t.list() {
			if !seen[tid] {
				seen[tid], fresh = true, true
				f(tid)
			}
		}
	}
	f(unix.Gettid())
}

func (t *Tasks) list() (tids []int) {
	if _, err := t.dir.Seek(0, 0); err != nil {
		return nil
	}
	names, err := t.dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if tid, err := strconv.Atoi(name); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids
}
