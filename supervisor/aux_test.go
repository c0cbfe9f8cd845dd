package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestInitFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	secret := at("secret")
	for name, text := range map[string]string{"there": "7", "secret": "s3cret"} {
		if err := os.WriteFile(at(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("nowhere"), at("dangling")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		overwrite bool
		want      string // the text of the file afterwards
		err       string
	}{
		{"new", false, "-3\n", ""},
		{"there", false, "7", ""},
		{"there", true, "-3\n", ""},
		{"link", false, "s3cret", ""},
		{"link", true, "s3cret", "too many levels of symbolic links"},
		{"dangling", true, "", "too many levels of symbolic links"},
		{"fifo", true, "", "no such device"},
		{"gone/f", false, "", "no such file"},
	} {
		err := initFile(at(c.name), -3, c.overwrite)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s overwrite=%v: %v, want %q", c.name, c.overwrite, err, c.err)
		}
		if c.want == "" {
			continue
		}
		if text, err := os.ReadFile(at(c.name)); string(text) != c.want {
			t.Errorf("%s overwrite=%v: %q %v", c.name, c.overwrite, text, err)
		}
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("a file was made through a link")
	}
}
