package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConfigSaveDir: what was loaded is kept, and what was known before and after a reload, for nobody else to read.
func TestConfigSaveDir(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	dir := filepath.Join(t.TempDir(), "saved")
	h.cfg.Global.Dirs.Save = dir
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	for _, name := range []string{"keepalived.conf.*.0", "keepalived.conf.*.1", "keepalived_vrrp.*.1.pre", "keepalived_vrrp.*.1.post"} {
		var found []string
		eventually(t, name, func() bool { found, _ = filepath.Glob(filepath.Join(dir, name)); return len(found) == 1 })
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		want := "VRRP"
		if strings.HasPrefix(name, "keepalived.conf") {
			want = dir // it is in the text that was loaded
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s: %.200s", found[0], text)
		}
		if st, err := os.Stat(found[0]); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", found[0], st.Mode(), err)
		}
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v", dir, st.Mode(), err)
	}
	d.stop()
}
