// Package pidfile keeps files that hold a process id, locked for as long as the daemon lives, as keepalived does: an open
// file description lock that only one daemon can have.
package pidfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrRunning says that another process holds the lock.
var ErrRunning = errors.New("daemon is already running")

// File is a locked pid file.
type File struct {
	path string
	file *os.File
}

// Create makes and locks the file at path, and the last directory of the path if that is missing. A link, or anything
// that is not a plain file of ours, is refused. The file is empty until Write.
func Create(path string) (*File, error) {
	if err := os.Mkdir(filepath.Dir(path), 0o755); err == nil {
		_ = os.Chmod(filepath.Dir(path), 0o755) // whatever the umask
	} else if !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	for range 100 { // each round another daemon removed the file between our open and our lock
		f, err := attempt(path)
		if err != nil || f != nil {
			return f, err
		}
	}
	return nil, fmt.Errorf("pid file %s: removed again and again by somebody", path)
}

// attempt opens and locks; both results are nil when the file was removed meanwhile.
func attempt(path string) (*File, error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	file, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	f, err := lock(path, file)
	if f == nil {
		file.Close()
	}
	return f, err
}

func lock(path string, file *os.File) (*File, error) {
	fd := int(file.Fd())
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("pid file %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid() || st.Nlink > 1 {
		return nil, fmt.Errorf("pid file %s: not a plain file of ours", path)
	}
	l := unix.Flock_t{Type: unix.F_WRLCK}
	switch err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &l); {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES):
		return nil, ErrRunning
	case err != nil:
		return nil, fmt.Errorf("lock pid file %s: %w", path, err)
	}
	var now unix.Stat_t
	if err := unix.Lstat(path, &now); err != nil || now.Ino != st.Ino || now.Dev != st.Dev {
		return nil, nil
	}
	if err := unix.Fchmod(fd, 0o644); err != nil { // whatever the umask
		return nil, fmt.Errorf("pid file %s: %w", path, err)
	}
	f := &File{path: path, file: file}
	return f, f.Clear()
}

// Path is where the file is.
func (f *File) Path() string { return f.path }

// Write puts pid into the file.
func (f *File) Write(pid int) error {
	text := fmt.Appendf(nil, "%d\n", pid)
	if _, err := f.file.WriteAt(text, 0); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	if err := f.file.Truncate(int64(len(text))); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}

// Clear empties the file while its process is not running: nobody shall signal a number that was given out anew.
func (f *File) Clear() error {
	if err := f.file.Truncate(0); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}

// Remove deletes the file and gives up the lock. A nil File is fine.
func (f *File) Remove() {
	if f == nil {
		return
	}
	_ = os.Remove(f.path)
	f.file.Close()
}
