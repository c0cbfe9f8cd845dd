package supervisor

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/supervisor/role"
)

// defaultUmask lets only the owner read and write new files, as keepalived does.
const defaultUmask = 0o177

// umask sets which permissions new files and those of the processes that are started from now on lack: by the command line, else by
// the configuration (umask), nil for none yet.
func (s *Supervisor) umask(cfg *config.Config) {
	mask := defaultUmask
	switch {
	case s.opt.Umask >= 0:
		mask = s.opt.Umask
	case cfg != nil && cfg.Global.Umask != nil:
		mask = int(*cfg.Global.Umask)
	}
	was := unix.Umask(mask)
	if s.cfg != nil && was != mask && s.children[role.Runner].proc != nil {
		s.say(logs.Info, "umask: the change takes effect for scripts when their process is started anew")
	}
}

// reloadFile is the name of the file that exists while a configuration is being read (reload_file); empty for none.
func (s *Supervisor) reloadFile(cfg *config.Config) string {
	switch {
	case cfg == nil || !cfg.Global.Reload.File:
		return ""
	case cfg.Global.Reload.FilePath != "":
		return cfg.Global.Reload.FilePath
	}
	return s.paths.reload
}

// read loads the configuration for a reload, with the signs and the report of it that the one in force asks for. It may wait for a
// file system, and is no part of the loop.
func (s *Supervisor) read(sign string, r config.Reload) (config.Result, []error) {
	var troubles []error
	if sign != "" {
		troubles = append(troubles, makeSign(sign))
	}
	res := s.hooks.Load(false)
	if r.Check && r.CheckLog != "" {
		troubles = append(troubles, report(r.CheckLog, res.Diags))
	}
	if sign != "" {
		troubles = append(troubles, removeSign(sign))
	}
	return res, troubles
}

// makeSign makes an empty file that everybody may read. A link in its place is not followed.
func makeSign(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o644)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Close())
	}
	if err != nil {
		return fmt.Errorf("reload_file: %w", err)
	}
	return nil
}

func removeSign(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reload_file: %w", err)
	}
	return nil
}

// report writes what is wrong with a configuration into a file, in the place of what was there.
func report(path string, ds *diag.List) error {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return fmt.Errorf("reload_check_config: %w", err)
	}
	for _, d := range ds.Sorted() {
		if wrong(&d) {
			_, e := fmt.Fprintln(f, d.Keepalived())
			err = errors.Join(err, e)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reload_check_config: %w", err)
	}
	return nil
}

// wrong reports whether keepalived would call a finding an error.
func wrong(d *diag.Diagnostic) bool { return d.Class != diag.OK || d.Severity == diag.Fatal }

// unchecked says what reload_check_config does not let pass, which is any error (rule P3); empty for nothing.
func (s *Supervisor) unchecked(next *config.Config, ds *diag.List) string {
	if !next.Global.Reload.Check && (s.cfg == nil || !s.cfg.Global.Reload.Check) {
		return ""
	}
	for _, d := range ds.Sorted() {
		if wrong(&d) {
			return "reload_check_config: " + d.Keepalived()
		}
	}
	return ""
}
