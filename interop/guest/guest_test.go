package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgramInAGuest(t *testing.T) {
	dir := t.TempDir()
	prog, err := build(dir, "holdfast.dev/interop/guest/testdata/probe")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, []byte("a file of the host\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Run(t, Job{
		Binary: prog, Args: []string{"7"}, Env: []string{"X=y"}, Files: map[string]string{"/etc/some/data": data},
		Modules: []string{"bridge", "vrf", "af_packet"}, VirtualTime: true, Console: os.Stdout,
	})
	t.Logf("%v\n%s", r.Took, r.Output)
	if r.Status != 7 || !strings.Contains(r.Output, "a file of the host") {
		t.Errorf("status %d", r.Status)
	}
}
