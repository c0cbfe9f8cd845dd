package script

import (
	"os"
	"testing"
)

// docs/regressions.md: a check script's path vanishes at run time, and that was taken for success.
func TestRegressionF93_PathVanishes(t *testing.T) {
	t.Parallel()
	s := newStarter(t, Options{})
	path := file(t, "check", "#!/bin/sh\nexit 0\n", 0o755)
	if r := s.Run(own(path)); !r.OK() {
		t.Fatalf("%+v", r)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := s.Run(own(path)); r.OK() || r.String() != "could not be run: no such file or directory" {
		t.Errorf("%+v", r)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := s.Run(own(path)); !r.OK() {
		t.Errorf("it is back: %+v", r)
	}
}
