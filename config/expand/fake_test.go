package expand

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
)

// tree is a file system in memory. A path ends in a slash for an empty directory.
type tree struct {
	text  map[string]string
	facts map[string]Facts // overrides
	bad   map[string]error // what can't be read
	reads int
	// onRead is called after each read.
	onRead func(path string)
}

var (
	errMissing = errors.New("no such file or directory")
	errNotDir  = errors.New("not a directory")
)

func (t *tree) Stat(p string) (Facts, error) {
	name := path.Clean(p)
	if f, ok := t.facts[name]; ok {
		return f, nil
	}
	if s, ok := t.text[name]; ok {
		if strings.HasSuffix(p, "/") {
			return Facts{}, errNotDir
		}
		return Facts{Regular: true, ID: Identity{Size: int64(len(s)), Inode: uint64(len(name))}}, nil
	}
	if name == "." || slices.ContainsFunc(slices.Collect(maps.Keys(t.text)), func(k string) bool {
		return strings.HasPrefix(k, name+"/")
	}) {
		return Facts{Dir: true}, nil
	}
	return Facts{}, errMissing
}

func (t *tree) Read(p string) (string, Facts, error) {
	t.reads++
	name := path.Clean(p)
	facts, err := t.Stat(p)
	if e := t.bad[name]; e != nil {
		err = e
	}
	s := t.text[name]
	if t.onRead != nil {
		t.onRead(name)
	}
	return s, facts, err
}

func (t *tree) List(dir string) ([]string, error) {
	prefix := path.Clean(dir) + "/"
	if prefix == "./" {
		prefix = ""
	}
	seen := make(map[string]bool)
	for k := range t.text {
		rest, ok := strings.CutPrefix(k, prefix)
		if name, _, _ := strings.Cut(rest, "/"); ok && name != "" {
			seen[name] = true
		}
	}
	if len(seen) == 0 {
		return nil, errMissing
	}
	return slices.Collect(maps.Keys(seen)), nil
}
