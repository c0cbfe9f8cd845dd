package changes_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/changes"
	"holdfast.dev/config/internal/conftest"
)

var update = flag.Bool("update", false, "rewrite what is expected")

func list(was, now *config.Config) string {
	var out strings.Builder
	for _, c := range changes.Between(was, now) {
		fmt.Fprintf(&out, "%s %s: %s\n", c.Kind, c.What, c.Text)
	}
	return out.String()
}

func TestBetween(t *testing.T) {
	dirs, _ := filepath.Glob("testdata/*")
	if len(dirs) < 10 {
		t.Fatal("cases are missing")
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			was, now := conftest.Load(t, filepath.Join(dir, "was.conf")), conftest.Load(t, filepath.Join(dir, "now.conf"))
			got := list(was, now)
			conftest.Golden(t, filepath.Join(dir, "want.txt"), got, *update)
			if (got == "") != was.Equal(now) {
				t.Errorf("Equal says %v, the list is %q", was.Equal(now), got)
			}
			if (list(now, was) == "") != (got == "") {
				t.Error("the way back is another")
			}
			for _, c := range []*config.Config{was, now} {
				if same := list(c, c); same != "" {
					t.Errorf("a file differs from itself: %s", same)
				}
			}
			if strings.Contains(got, "ffffffff") || strings.Contains(got, "one") && strings.Contains(dir, "password") {
				t.Errorf("a secret is shown: %s", got)
			}
		})
	}
}
