package explain_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/config/explain"
	"holdfast.dev/config/internal/conftest"
	"holdfast.dev/config/schema"
)

var update = flag.Bool("update", false, "rewrite what is expected")

func TestFile(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.conf")
	if len(paths) < 8 {
		t.Fatal("cases are missing")
	}
	for _, p := range paths {
		t.Run(filepath.Base(p), func(t *testing.T) {
			conftest.Golden(t, strings.TrimSuffix(p, ".conf")+".txt", explain.Findings(conftest.Read(t, p).Diags)+explain.File(conftest.Load(t, p)), *update)
		})
	}
}

// TestEveryKeyword explains each keyword of the language: nothing may be without a meaning, a way to write it, an example.
func TestEveryKeyword(t *testing.T) {
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			if k.Name == schema.Entry {
				continue
			}
			text, ok := explain.Keyword(b.Path + "/" + k.Name)
			if !ok || !strings.Contains(text, "write:") || !strings.Contains(text, "example:") {
				t.Errorf("%s/%s: %q", b.Path, k.Name, text)
			}
			if _, ok := explain.Keyword(k.Name); !ok {
				t.Errorf("%s is not found", k.Name)
			}
		}
		if text, ok := explain.Keyword(b.Path); !ok || !strings.Contains(text, "{ ... }") {
			t.Errorf("%s: %q", b.Path, text)
		}
	}
}

func TestKeyword(t *testing.T) {
	conftest.Golden(t, "testdata/keyword-priority.txt", must(t, "vrrp_instance/priority"), *update)
	conftest.Golden(t, "testdata/keyword-unicast_peer.txt", must(t, "unicast_peer"), *update)
	conftest.Golden(t, "testdata/keyword-preferred_lft.txt", must(t, "preferred_lft"), *update)
	if text, ok := explain.Keyword("vrrp_instnace"); ok || !strings.Contains(text, `did you mean "vrrp_instance"?`) {
		t.Errorf("%q", text)
	}
	if text, ok := explain.Keyword("\x1b[2J"); ok || strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}

func must(t *testing.T, word string) string {
	t.Helper()
	text, ok := explain.Keyword(word)
	if !ok {
		t.Fatalf("%s: %s", word, text)
	}
	return text
}

func TestWords(t *testing.T) {
	if words := explain.Words("vrrp_instance/prio"); len(words) != 1 || words[0] != "vrrp_instance/priority" {
		t.Error(words)
	}
	if _, ok := explain.Keyword("vrrp_instance/priority"); !ok {
		t.Error("what is offered is not known")
	}
	if text, _ := explain.Keyword("vrrp_instance/priorty"); !strings.Contains(text, "vrrp_instance/priority") {
		t.Error(text)
	}
	words := explain.Words("")
	if len(words) < 350 {
		t.Errorf("only %d words", len(words))
	}
	for i := 1; i < len(words); i++ {
		if words[i-1] >= words[i] {
			t.Errorf("%s before %s", words[i-1], words[i])
		}
	}
}
