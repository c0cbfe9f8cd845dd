package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// kernelPackage is the one that depends on the current kernel of Debian for virtual machines.
const kernelPackage = "linux-image-cloud-amd64"

// kernelEnv names a folder into which a kernel package was unpacked, to be taken instead of fetching one.
const kernelEnv = "HOLDFAST_GUEST_KERNEL"

// kernel is an unpacked kernel package.
type kernel struct {
	image   string // boot/vmlinuz-…
	modules *modules
}

// findKernel takes the folder that the environment names, what was fetched before, or fetches.
func findKernel() (*kernel, error) {
	if dir := os.Getenv(kernelEnv); dir != "" {
		return openKernel(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	cache = filepath.Join(cache, "holdfast", "guest")
	if found, _ := filepath.Glob(filepath.Join(cache, "linux-image-*", "boot", "vmlinuz-*")); len(found) > 0 {
		slices.Sort(found)
		return openKernel(filepath.Dir(filepath.Dir(found[len(found)-1])))
	}
	dir, err := fetchKernel(cache)
	if err != nil {
		return nil, fmt.Errorf("getting a kernel for the guest: %w (set %s to a folder with an unpacked one to do without)", err, kernelEnv)
	}
	return openKernel(dir)
}

func openKernel(dir string) (*kernel, error) {
	images, _ := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if len(images) != 1 {
		return nil, fmt.Errorf("%s has %d kernels in boot, not one", dir, len(images))
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	m, err := findModules(filepath.Join(dir, "lib", "modules", release))
	if err != nil {
		return nil, err
	}
	return &kernel{images[0], m}, nil
}

var packageName = regexp.MustCompile(`(?m)^\s*Depends: (linux-image-[a-z0-9.+-]+)\s*$`)

// fetchKernel fetches the kernel package and unpacks it below the cache; nothing is installed. Two that do so at the same
// time do not disturb each other.
func fetchKernel(cache string) (dir string, err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	out, err := output("", "apt-cache", "depends", kernelPackage)
	if err != nil {
		return "", err
	}
	name := packageName.FindStringSubmatch(out)
	if name == nil {
		return "", fmt.Errorf("apt knows no package %s: run apt-get update", kernelPackage)
	}
	tmp, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if _, err := output(tmp, "apt-get", "download", "-q", name[1]); err != nil {
		return "", err
	}
	debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if len(debs) != 1 {
		return "", fmt.Errorf("apt-get download left %d packages, not one", len(debs))
	}
	if _, err := output(tmp, "dpkg-deb", "-x", debs[0], "unpacked"); err != nil {
		return "", err
	}
	dir = filepath.Join(cache, strings.TrimSuffix(filepath.Base(debs[0]), ".deb"))
	if err := os.Rename(filepath.Join(tmp, "unpacked"), dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

func output(dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}
