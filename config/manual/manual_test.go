package manual_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/config/manual"
	"holdfast.dev/config/schema"
)

var update = flag.Bool("update", false, "write the files in docs")

const docs = "../../docs"

// TestCurrent compares the files in docs with what the schema makes of them now.
func TestCurrent(t *testing.T) {
	pages := manual.Pages()
	if len(pages) != len(schema.Blocks())+2 {
		t.Errorf("%d pages for %d blocks", len(pages), len(schema.Blocks()))
	}
	known := map[string]bool{"tools.md": true, "language.md": true}
	for _, p := range pages {
		known[filepath.Base(p.Name)] = true
		path := filepath.Join(docs, p.Name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(p.Text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != p.Text {
			t.Errorf("%s is not current: go test ./config/manual -update", p.Name)
		}
	}
	there, _ := filepath.Glob(docs + "/config/*")
	for _, p := range there {
		if !known[filepath.Base(p)] {
			t.Errorf("%s belongs to no block", p)
		}
	}
}

// TestLinks follows the links between pages.
func TestLinks(t *testing.T) {
	names := map[string]bool{"config/tools.md": true, "config/language.md": true}
	for _, p := range manual.Pages() {
		names[p.Name] = true
	}
	for _, p := range manual.Pages() {
		for rest := p.Text; ; {
			_, after, ok := strings.Cut(rest, "](")
			if !ok {
				break
			}
			target, tail, _ := strings.Cut(after, ")")
			if strings.HasSuffix(target, ".md") && !names["config/"+target] {
				t.Errorf("%s: no page %s", p.Name, target)
			}
			rest = tail
		}
	}
}
