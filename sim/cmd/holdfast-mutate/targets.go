package main

import (
	"path/filepath"
	"strings"
)

// target is source that is changed, and the packages whose tests have to notice, cheapest first. Then the simulator plays worlds.
type target struct {
	dir      string
	only     []string // files; nil for all
	packages []string
}

// targets are the election, its codec, the driver with what records it, and what decides on changes of the kernel.
var targets = []target{
	{dir: "vrrp/wire", packages: []string{"vrrp/wire", "vrrp"}},
	{dir: "vrrp", packages: []string{"vrrp"}},
	{dir: "host", packages: []string{"host"}},
	{dir: "node", only: []string{"driver.go", "record.go", "replay.go"}, packages: []string{"sim", "node"}},
}

// files of the target, from the root, with slashes.
func (t *target) files(root string) ([]string, error) {
	if t.only != nil {
		var out []string
		for _, name := range t.only {
			out = append(out, t.dir+"/"+name)
		}
		return out, nil
	}
	found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(t.dir), "*.go"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, path := range found {
		if name := filepath.Base(path); !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			out = append(out, t.dir+"/"+name)
		}
	}
	return out, nil
}

// packagesOf are those whose tests are run with a change of the file.
func packagesOf(file string) []string {
	for i := range targets {
		if t := &targets[i]; strings.TrimSuffix(file, "/"+filepath.Base(file)) == t.dir {
			return t.packages
		}
	}
	return nil
}

// unfit are tests that wait for real time and real sockets: on a busy machine they could fail for another reason than the mutant.
const unfit = "^TestRole"
