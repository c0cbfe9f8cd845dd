package watch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/track"
)

// FileOptions are what Files needs. All functions are called from several goroutines, and Emit and Say must not block.
type FileOptions struct {
	// Emit hears of every change, in order per source, and one at a time.
	Emit func(track.State)
	Say  func(source string, line track.Say)
	// Ask opens a tracked file that this process is not allowed to; it may take its time. Nil is nobody to ask.
	Ask func(spec track.FileSpec) (*os.File, error)
	// Often is how often a file is looked at whose changes the kernel does not tell, Seldom how often any other one.
	// Defaults 1 s and 30 s.
	Often, Seldom time.Duration
}

// Files reads tracked files whenever they change (rule J11). A file system that hangs holds up only its own file: each has a goroutine
// of its own. The methods may be called from any goroutine.
type Files struct {
	opt FileOptions
	wg  sync.WaitGroup

	apply sync.Mutex // one Apply at a time
	mu    sync.Mutex
	watch *inotify // nil while there is none
	files map[string]*trackedFile
	order []string
}

// trackedFile is one track_file with its goroutine.
type trackedFile struct {
	w     *Files
	spec  atomic.Pointer[track.FileSpec]
	base  atomic.Pointer[string] // the last part of the path
	link  atomic.Bool            // the path is a symbolic link: what other names in its directory do matters too
	kick  chan struct{}
	lost  atomic.Bool // the watch is gone
	quit  chan struct{}
	state track.State // guarded by w.mu
	told  string      // the last trouble that was told of; of the goroutine
}

// NewFiles makes a Files with nothing to read.
func NewFiles(opt FileOptions) *Files {
	if opt.Often <= 0 {
		opt.Often = time.Second
	}
	if opt.Seldom <= 0 {
		opt.Seldom = 30 * time.Second
	}
	return &Files{opt: opt, files: map[string]*trackedFile{}}
}

// Apply makes specs the files to read. A file with another path keeps what the one before said until it was read. Sources of a reload
// hold nobody back before they were read (rule P10).
func (w *Files) Apply(specs []track.FileSpec, reload bool) {
	w.apply.Lock()
	defer w.apply.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.files
	w.files, w.order = make(map[string]*trackedFile, len(specs)), nil
	w.open(len(specs) > 0)
	for _, spec := range specs {
		if w.files[spec.Name] != nil {
			continue // the configuration has made sure that there are no two
		}
		w.order = append(w.order, spec.Name)
		f := old[spec.Name]
		if f == nil {
			f = w.start(spec, reload)
		} else if delete(old, spec.Name); *f.spec.Load() != spec {
			f.use(spec)
			f.poke("", true)
		}
		w.files[spec.Name] = f
	}
	for _, f := range old {
		close(f.quit)
	}
}

// open has inotify while it is needed.
func (w *Files) open(need bool) {
	if !need || w.watch != nil {
		return
	}
	var err error
	if w.watch, err = newInotify(); err != nil {
		w.opt.Say("", track.Say{Level: track.Warn, Text: fmt.Sprintf("tracked files are looked at every %v: %v", w.opt.Often, err)})
	}
}

func (w *Files) start(spec track.FileSpec, reload bool) *trackedFile {
	f := &trackedFile{
		w: w, kick: make(chan struct{}, 1), quit: make(chan struct{}),
		state: track.State{Kind: track.OfFile, Source: spec.Name, Reload: reload},
	}
	f.use(spec)
	w.opt.Emit(f.state)
	watch := w.watch
	w.wg.Go(func() { f.run(watch) })
	return f
}

// Each calls f with the state of every file, in the order of the configuration, while no Emit can come in between.
func (w *Files) Each(f func(track.State)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range w.order {
		f(w.files[name].state)
	}
}

// Close ends everything. It waits a moment for what a file system holds up, and leaves it to itself then.
func (w *Files) Close() {
	w.Apply(nil, false)
	w.mu.Lock()
	watch := w.watch
	w.watch = nil
	w.mu.Unlock()
	if watch != nil {
		watch.close()
	}
	done := make(chan struct{})
	go func() { w.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

func (f *trackedFile) use(spec track.FileSpec) {
	base := filepath.Base(spec.Path)
	f.spec.Store(&spec)
	f.base.Store(&base)
}

// poke has the file read anew if what happened to name in its directory may concern it. An empty name is the directory itself.
func (f *trackedFile) poke(name string, lost bool) {
	if name != "" && name != *f.base.Load() && !f.link.Load() {
		return
	}
	if lost {
		f.lost.Store(true)
	}
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// run watches first and reads then, so that nothing is missed in between (regression F97).
func (f *trackedFile) run(watch *inotify) {
	wd, path := -1, ""
	drop := func() {
		if wd >= 0 {
			watch.drop(f, wd)
			wd = -1
		}
	}
	defer drop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-f.quit:
			return
		case <-timer.C:
		case <-f.kick:
		}
		spec := *f.spec.Load()
		if f.lost.Swap(false) || spec.Path != path {
			drop()
			path = spec.Path
		}
		if wd < 0 && watch != nil {
			if got, err := watch.add(f, path); err == nil {
				wd = got
			}
		}
		f.read(&spec)
		wait := f.w.opt.Often
		if wd >= 0 && !f.link.Load() && tells(path) {
			wait = f.w.opt.Seldom
		}
		timer.Reset(wait)
	}
}

// read takes in what the file says.
func (f *trackedFile) read(spec *track.FileSpec) {
	text, err := f.content(spec)
	value, ok := track.ParseFile(text)
	trouble := ""
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		trouble = reasonOf(err)
	case !ok:
		trouble = "does not begin with a number"
	}
	if trouble != f.told {
		f.told = trouble
		if trouble != "" {
			f.w.opt.Say(spec.Name, track.Say{Level: track.Warn, Text: fmt.Sprintf("tracked file %s (%s) counts as 0: %s", spec.Name, spec.Path, trouble)})
		}
	}
	f.w.change(f, track.State{Kind: track.OfFile, Source: spec.Name, Status: track.Up, Value: value, Reason: trouble})
}

// change notes and tells a new state, unless the file is tracked no more.
func (w *Files) change(f *trackedFile, st track.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files[st.Source] != f || f.state == st {
		return
	}
	if f.state.Status != track.Unknown && f.state.Value != st.Value {
		w.opt.Say(st.Source, track.Say{
			Level: track.Info, Detail: 1, Text: fmt.Sprintf("tracked file %s changed from %d to %d", st.Source, f.state.Value, st.Value),
		})
	}
	f.state = st
	w.opt.Emit(st)
}

// content reads the beginning of the file, opened by ourselves or by whoever may.
func (f *trackedFile) content(spec *track.FileSpec) ([]byte, error) {
	if st, err := os.Lstat(spec.Path); err == nil {
		f.link.Store(st.Mode()&fs.ModeSymlink != 0)
	}
	file, err := openTracked(spec.Path)
	if errors.Is(err, fs.ErrPermission) && f.w.opt.Ask != nil {
		file, err = f.w.opt.Ask(*spec)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	return io.ReadAll(io.LimitReader(file, track.MaxFile))
}

// openTracked never waits for the other end of a FIFO, and takes no terminal.
func openTracked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

// reasonOf is an error without the path.
func reasonOf(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// silent are file systems whose changes the kernel does not tell, because others make them or nobody does: magic numbers of statfs(2).
var silent = map[int64]bool{
	unix.NFS_SUPER_MAGIC: true, unix.SMB_SUPER_MAGIC: true, unix.CIFS_SUPER_MAGIC: true, unix.SMB2_SUPER_MAGIC: true, unix.V9FS_MAGIC: true,
	unix.FUSE_SUPER_MAGIC: true, unix.CEPH_SUPER_MAGIC: true, unix.AFS_SUPER_MAGIC: true, unix.CODA_SUPER_MAGIC: true,
	unix.PROC_SUPER_MAGIC: true, unix.SYSFS_MAGIC: true, unix.DEBUGFS_MAGIC: true, unix.CGROUP2_SUPER_MAGIC: true, unix.CGROUP_SUPER_MAGIC: true,
}

// tells reports whether the kernel tells of changes in the directory of path.
func tells(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(filepath.Dir(path), &st) == nil && !silent[int64(st.Type)]
}
