package conformance

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/conformance.md and docs/regressions.md")

// table reads a file of tab-separated columns, whose first line names them.
func table(t *testing.T, file string, columns ...string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(row) != len(columns) {
			t.Fatalf("%s: %d columns, not %d: %.80s", file, len(row), len(columns), line)
		}
		for i, cell := range row {
			if cell != strings.TrimSpace(cell) {
				t.Errorf("%s: %s: %s has blanks around it", file, row[0], columns[i])
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 || strings.Join(rows[0], " ") != strings.Join(columns, " ") {
		t.Fatalf("%s: the first line must name the columns %v", file, columns)
	}
	return rows[1:]
}

// page compares a page of the documentation with what it should be, or writes it.
func page(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join(root, "docs", name)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/%s is not what the tables say; run: go test ./conformance -update", name)
	}
}

// code writes the names of tests for a page.
func code(tests []string) string {
	var words []string
	for _, s := range tests {
		words = append(words, "`"+s+"`")
	}
	return strings.Join(words, "<br>")
}

// cell keeps a text from ending a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
