package guest

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// modules knows the kernel modules below a folder.
type modules struct {
	files   map[string]string // name → path
	builtin map[string]bool
}

// findModules looks for modules below /lib/modules/RELEASE of an unpacked kernel package.
func findModules(dir string) (*modules, error) {
	m := &modules{files: map[string]string{}, builtin: map[string]bool{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".ko") {
			m.files[moduleName(path)] = path
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		m.builtin[moduleName(strings.TrimSpace(line))] = true
	}
	if len(m.files) == 0 {
		return nil, fmt.Errorf("no kernel modules (*.ko) below %s", dir)
	}
	return m, nil
}

// moduleName is a module's name by its file: the kernel writes both - and _ as _.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// order lists the files of modules and of all that they need, each after what it needs. What the kernel has built in is
// left out.
func (m *modules) order(names []string) ([]string, error) {
	var out []string
	done := map[string]bool{}
	var visit func(name, by string) error
	visit = func(name, by string) error {
		if name = moduleName(name); done[name] || m.builtin[name] {
			return nil
		}
		done[name] = true
		path, ok := m.files[name]
		if !ok {
			return fmt.Errorf("the guest's kernel has no module %s%s", name, by)
		}
		needs, err := depends(path)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := visit(n, ", which "+name+" needs"); err != nil {
				return err
			}
		}
		out = append(out, path)
		return nil
	}
	for _, n := range names {
		if err := visit(n, ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// depends reads which modules a module needs.
func depends(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("%s has no section .modinfo: it is not a kernel module", path)
	}
	data, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for item := range bytes.SplitSeq(data, []byte{0}) {
		if list, ok := strings.CutPrefix(string(item), "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}
