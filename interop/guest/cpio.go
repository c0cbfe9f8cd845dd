package guest

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// archive writes an initramfs: a cpio archive in the "new ASCII" form (initramfs buffer format of the kernel's documentation).
// The first error stays and is returned by close.
type archive struct {
	w    io.Writer
	dirs map[string]bool
	seen map[string]bool
	ino  int
	err  error
}

func newArchive(w io.Writer) *archive {
	return &archive{w: w, dirs: map[string]bool{"/": true}, seen: map[string]bool{}}
}

const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeChar = 0o020000
)

// dir makes a directory and those above it.
func (a *archive) dir(name string) {
	if a.dirs[name] {
		return
	}
	a.dir(path.Dir(name))
	a.dirs[name] = true
	a.entry(name, modeDir|0o755, 0, 0, nil)
}

// bytes makes a file.
func (a *archive) bytes(name string, b []byte) {
	a.dir(path.Dir(name))
	a.entry(name, modeFile|0o644, int64(len(b)), 0, strings.NewReader(string(b)))
}

// console makes the device that the kernel opens for init.
func (a *archive) console() {
	a.dir("/dev")
	a.entry("/dev/console", modeChar|0o600, 0, 5<<8|1, nil)
}

// file copies a file of the host. What is there already stays.
func (a *archive) file(name, from string) {
	if name = path.Clean("/" + name); a.seen[name] {
		return
	}
	f, err := os.Open(from)
	if err != nil {
		a.fail(err)
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		a.fail(err)
		return
	}
	if !st.Mode().IsRegular() || st.Size() > 1<<30 {
		a.fail(&fs.PathError{Op: "copy into the guest", Path: from, Err: fs.ErrInvalid})
		return
	}
	a.dir(path.Dir(name))
	a.entry(name, modeFile|uint32(st.Mode().Perm()), st.Size(), 0, f)
}

func (a *archive) entry(name string, mode uint32, size int64, dev uint32, data io.Reader) {
	a.seen[name] = true
	a.ino++
	name = strings.TrimPrefix(name, "/") + "\x00"
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.ino, mode, 0, 0, 1, 0, size,
		0, 0, dev>>8, dev&0xff, len(name), 0) + name
	a.pad(head, len(head))
	if a.err != nil || data == nil {
		return
	}
	n, err := io.Copy(a.w, io.LimitReader(data, size))
	if err == nil && n != size {
		err = fmt.Errorf("%s became shorter while it was copied", name)
	}
	a.fail(err)
	a.pad("", int(size%4))
}

// pad writes text, and zeros that make n a multiple of 4.
func (a *archive) pad(text string, n int) {
	if a.err == nil {
		_, err := io.WriteString(a.w, text+"\x00\x00\x00"[:-n&3])
		a.fail(err)
	}
}

func (a *archive) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// close writes the end.
func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	return a.err
}
