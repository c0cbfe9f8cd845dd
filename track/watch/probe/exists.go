package probe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"

	"holdfast.dev/track"
)

// asked are the paths about which a file system has not answered yet. One that hangs costs a thread for each path, however often it is
// asked: whoever comes later waits for the same answer.
var asked struct {
	sync.Mutex
	paths map[string]*answer
}

// answer is there when came is closed.
type answer struct {
	came chan struct{}
	err  error
}

// exists succeeds when there is something of that name; a link counts when what it leads to is there.
func exists(ctx context.Context, p *track.Probe) error {
	a := ask(p.Path)
	select {
	case <-a.came:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ask(path string) *answer {
	asked.Lock()
	defer asked.Unlock()
	if a := asked.paths[path]; a != nil {
		return a
	}
	a := &answer{came: make(chan struct{})}
	if asked.paths == nil {
		asked.paths = make(map[string]*answer)
	}
	asked.paths[path] = a
	go func() {
		_, err := os.Stat(path)
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err
		}
		asked.Lock()
		defer asked.Unlock()
		delete(asked.paths, path)
		a.err = err
		close(a.came)
	}()
	return a
}
