package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCreateRecording: nothing is overwritten, no link is followed, and there is an end.
func TestCreateRecording(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.recording")
	victim := filepath.Join(dir, "victim")
	if err := os.Symlink(victim, name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".1", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < maxRecordings; i++ {
		f, err := createRecording(name)
		if err != nil {
			t.Fatal(err)
		}
		fi, err := f.Stat()
		if err != nil || fi.Mode() != 0o600 || filepath.Ext(f.Name()) != "."+string(rune('0'+i)) {
			t.Errorf("%s: %v, %v", f.Name(), fi.Mode(), err)
		}
		f.Close()
	}
	if f, err := createRecording(name); err == nil || !strings.Contains(err.Error(), "10 recordings already") {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := os.Stat(victim); err == nil {
		t.Error("a link was followed")
	}
	if b, err := os.ReadFile(name + ".1"); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
	if f, err := createRecording(filepath.Join(dir, "none", "x")); err == nil {
		t.Errorf("%s in a directory that does not exist", f.Name())
	}
}
