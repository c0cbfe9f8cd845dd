package guest

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build compiles a command of this module, static, into a folder.
func build(dir, pkg string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-buildvcs=false")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// libraries lists the loader and all shared libraries of a program; none if it is static, or no program.
func libraries(path string) ([]string, error) {
	loader, err := interpreter(path)
	if err != nil || loader == "" {
		return nil, err
	}
	text, err := output("", loader, "--list", path)
	if err != nil {
		return nil, err
	}
	out := []string{loader}
	for line := range strings.Lines(text) {
		// "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)"
		_, right, ok := strings.Cut(line, "=> ")
		if !ok {
			continue
		}
		lib, _, ok := strings.Cut(strings.TrimSpace(right), " (")
		if !ok {
			return nil, fmt.Errorf("%s: %s", path, strings.TrimSpace(line)) // "not found"
		}
		out = append(out, lib)
	}
	return out, nil
}

// interpreter is the loader that a program asks for; "" if it asks for none.
func interpreter(path string) (string, error) {
	f, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) {
		return "", nil // a script, or data
	}
	if err != nil {
		if st, serr := os.Stat(path); serr == nil && st.Size() < 64 {
			return "", nil
		}
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, min(p.Filesz, 4096))
			if _, err := p.ReadAt(b, 0); err != nil {
				return "", fmt.Errorf("%s: %w", path, err)
			}
			return strings.TrimRight(string(b), "\x00"), nil
		}
	}
	return "", nil
}
