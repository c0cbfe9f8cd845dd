// Package files is the real file system for package expand: bounded reads that neither hang on a FIFO nor follow a file
// that changes while it is read.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config/expand"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 64 << 20

// maxList is how many entries of a directory are listed.
const maxList = expand.MaxEntries + 1

// attempts is how often a file that changes while it is read is read again.
const attempts = 3

// Errors of Read.
var (
	// ErrChanged is returned for a file that changed each time while it was read.
	ErrChanged = errors.New("it changed while it was read")
	// ErrTooLarge is returned for a file of more than MaxSize bytes.
	ErrTooLarge = fmt.Errorf("it is larger than %d MiB", MaxSize>>20)
	// ErrNotRegular is returned for what is not a regular file.
	ErrNotRegular = errors.New("it is not a regular file")
)

// OS is the file system of the host. Relative paths count from the working directory of the process.
type OS struct{}

var (
	_ expand.Files    = OS{}
	_ expand.Resolver = OS{}
)

// Stat implements expand.Files. The error is short and without the path, which the caller names.
func (OS) Stat(path string) (expand.Facts, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Stat(path, &st) }); err != nil {
		return expand.Facts{}, err
	}
	return facts(&st), nil
}

// Read implements expand.Files. The file is opened without waiting, so that a FIFO or a device can't hold anybody up.
func (OS) Read(path string) (string, expand.Facts, error) {
	for range attempts {
		text, facts, err := readOnce(path)
		if claimsEmpty := facts.ID.Size == 0 && text != ""; err == nil && !claimsEmpty && fresh(facts.ID) {
			again, now, err2 := readOnce(path)
			if err2 == nil && (again != text || now.ID != facts.ID) {
				err = ErrChanged
			}
		}
		if !errors.Is(err, ErrChanged) {
			return text, facts, err
		}
	}
	return "", expand.Facts{}, ErrChanged
}

// fresh reports whether the file was changed so lately that the next change may leave the same time behind: the clock of
// times of files goes in steps of up to 10 ms. A time to come is as good as none.
func fresh(id expand.Identity) bool {
	return time.Since(time.Unix(0, id.ModTime)) < time.Second
}

// List implements expand.Files. It stops after as many entries as a whole read may look at.
func (OS) List(dir string) ([]string, error) {
	f, err := open(dir, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxList)
	if err != nil && !errors.Is(err, io.EOF) {
		return names, short(err)
	}
	return names, nil
}

// Resolve implements expand.Resolver.
func (OS) Resolve(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", short(err)
	}
	return filepath.Abs(real)
}

// readOnce reads path and checks that it stayed the same meanwhile.
func readOnce(path string) (string, expand.Facts, error) {
	f, err := open(path, 0)
	if err != nil {
		return "", expand.Facts{}, err
	}
	defer f.Close()
	before, err := fstat(f)
	switch {
	case err != nil:
		return "", before, err
	case !before.Regular:
		return "", before, ErrNotRegular
	case before.ID.Size > MaxSize:
		return "", before, ErrTooLarge
	}
	// One byte more than it should hold, to see whether it grew; what claims to be empty, as in /proc, may hold more.
	limit := before.ID.Size + 1
	if before.ID.Size == 0 {
		limit = MaxSize + 1
	}
	var b strings.Builder
	b.Grow(int(before.ID.Size))
	if _, err = io.Copy(&b, io.LimitReader(f, limit)); err != nil {
		return "", before, short(err)
	}
	if b.Len() > MaxSize {
		return "", before, ErrTooLarge
	}
	after, err := fstat(f)
	if err != nil {
		return "", before, err
	}
	if after.ID != before.ID || before.ID.Size != 0 && int64(b.Len()) != before.ID.Size {
		return "", before, ErrChanged
	}
	return b.String(), before, nil
}

func open(path string, flags int) (*os.File, error) {
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC|flags, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func fstat(f *os.File) (expand.Facts, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return expand.Facts{}, err
	}
	return facts(&st), nil
}

func facts(st *unix.Stat_t) expand.Facts {
	kind := st.Mode & unix.S_IFMT
	return expand.Facts{
		Dir: kind == unix.S_IFDIR, Regular: kind == unix.S_IFREG, Exec: st.Mode&0o111 != 0, Shared: st.Mode&0o077 != 0,
		ID: expand.Identity{Dev: uint64(st.Dev), Inode: st.Ino, Size: st.Size, ModTime: st.Mtim.Nano()},
	}
}

// retry repeats a system call that a signal interrupted.
func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// short is err without the operation and the path.
func short(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
