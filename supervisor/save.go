package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/status/dump"
	"holdfast.dev/supervisor/role"
)

// config_save_dir keeps what was loaded and what was known before and after each reload, for those who look for what went wrong (outputs.md section 8).

// saveText saves a configuration as it was read, all includes in one. There are passwords in it.
func (s *Supervisor) saveText(res *config.Result) {
	text := res.Merged
	s.save(res.Config, "keepalived.conf", "", func() []byte { return []byte(text) })
}

// saveState saves what the elections know, before a reload or after it.
func (s *Supervisor) saveState(cfg *config.Config, when string) {
	v := s.children[role.VRRP]
	if cfg.Global.Dirs.Save == "" || s.cfg == nil || v == nil || v.proc == nil {
		return
	}
	snap := dump.Take(s.cfg, v.page.page, s.children[role.Runner].shown, time.Local)
	s.save(cfg, "keepalived_vrrp", when, func() []byte { return dump.Data(snap) })
}

// save has NAME.PID.N written, N being how many configurations were loaded before.
func (s *Supervisor) save(cfg *config.Config, name, end string, text func() []byte) {
	dir := cfg.Global.Dirs.Save
	if dir == "" {
		return
	}
	path := filepath.Join(dir, fmt.Sprintf("%s.%d.%d%s", name, os.Getpid(), s.loads, end))
	s.later(path, func() error {
		if err := makePrivate(dir); err != nil {
			return fmt.Errorf("config_save_dir: %w", err)
		}
		if err := replace(path, text(), 0o600); err != nil {
			return fmt.Errorf("config_save_dir: %w", err)
		}
		return nil
	})
}

// makePrivate makes a directory for ourselves alone, unless there is one; that above it must exist.
func makePrivate(dir string) error {
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return os.Chmod(dir, 0o700) // the umask is for files
}
