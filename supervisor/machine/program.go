package machine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
)

// defaultPath is searched for programs when PATH is not set (confstr's _CS_PATH).
const defaultPath = "/bin:/usr/bin"

// maxPath is the longest path that the kernel takes.
const maxPath = 4096

// findProgram finds and judges a program for a script (rules R3, R4 and R5).
func findProgram(name string) config.Program {
	link, problem := search(name)
	if problem != "" {
		return config.Program{Path: name, Link: name, Problem: problem}
	}
	p := config.Program{Path: link, Link: link}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(link)); err == nil {
		p.Link = filepath.Join(dir, filepath.Base(link))
	}
	real, err := filepath.EvalSymlinks(link)
	if err != nil {
		p.Problem = reason(err)
		return p
	}
	p.Path = real
	judge(&p)
	return p
}

// search finds a bare name in PATH and leaves what has a slash alone.
func search(name string) (path, problem string) {
	switch {
	case name == "" || strings.ContainsRune(name, 0):
		return "", "not found"
	case len(name) >= maxPath:
		return "", "path too long"
	case strings.Contains(name, "/"):
		return name, ""
	}
	dirs, ok := os.LookupEnv("PATH")
	if !ok {
		dirs = defaultPath
	}
	problem = "not found"
	for _, dir := range filepath.SplitList(dirs) {
		if dir == "" {
			dir = "."
		}
		path := filepath.Join(dir, name)
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		if st.Mode()&0o111 != 0 {
			return path, ""
		}
		problem = "not executable"
	}
	return "", problem
}

// judge says whether the program can be run, and by whom else than root it could be changed.
func judge(p *config.Program) {
	var st unix.Stat_t
	if err := unix.Stat(p.Path, &st); err != nil {
		p.Problem = reason(err)
		return
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		p.Problem = "is a directory"
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		p.Problem = "not a regular file"
	case st.Mode&0o111 == 0:
		p.Problem = "not executable"
	}
	p.SetRoot = st.Mode&unix.S_ISUID != 0 && st.Uid == 0 || st.Mode&unix.S_ISGID != 0 && st.Gid == 0
	for _, path := range []string{p.Link, p.Path} {
		if p.Insecure == "" {
			p.Insecure = insecure(path)
		}
	}
}

// insecure finds the part of a path that others than root may change: an owner other than root, or a mode that lets a
// group other than root's, or everybody, write. In a sticky directory nobody can replace the files of others.
func insecure(path string) string {
	for part := path; ; part = filepath.Dir(part) {
		var st unix.Stat_t
		if err := unix.Stat(part, &st); err != nil {
			return part
		}
		sticky := st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0
		writable := st.Mode&unix.S_IWOTH != 0 || st.Mode&unix.S_IWGRP != 0 && st.Gid != 0
		if st.Uid != 0 || writable && !sticky {
			return part
		}
		if part == "/" || part == "." {
			return ""
		}
	}
}

// reason is why a file can't be used, in a few words.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "not found"
	case errors.Is(err, fs.ErrPermission):
		return "not accessible"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}
