package conformance

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The rules of keepalived's behaviour that are VRRP's business, by section, and how many there are (J11b and K1b among them).
var sections = map[byte]int{
	'A': 36, 'B': 10, 'C': 11, 'D': 8, 'E': 12, 'F': 16, 'G': 12, 'H': 10, 'I': 11, 'J': 18, 'K': 14, 'L': 18, 'M': 10, 'N': 6, 'P': 16,
}

// rule is the number of one.
var rule = regexp.MustCompile(`\b([A-NP])([1-9][0-9]?)(b?)\b`)

// rulesIn finds the rules that a line is about: "rule B2", "Rules E1, E2 and F4", "=== A12 first IPv6 address", "rules F2 to F4".
func rulesIn(line string) (ids []string) {
	head, isCase := strings.CutPrefix(line, "=== ")
	if !isCase {
		_, rest, ok := strings.Cut(strings.ReplaceAll(line, "Rule", "rule"), "rule")
		if !ok {
			return nil
		}
		head = rest
	}
	return rule.FindAllString(strings.ReplaceAll(head, "_", " "), -1)
}

// differs are the rules that docs/differences.md has a line for.
func differs(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/differences.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cell, _, ok := strings.Cut(strings.TrimPrefix(line, "|"), "|"); ok && strings.HasPrefix(line, "|") {
			for _, id := range rule.FindAllString(cell, -1) {
				found[id] = true
			}
		}
	}
	return found
}

// tested are the rules that a test, or a case in testdata, names.
func tested(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "fuzz") {
			return skipDir(err)
		}
		isCase := strings.Contains(path, "/testdata/") && (strings.HasSuffix(path, ".txt") || strings.HasSuffix(path, ".txtar"))
		if d.IsDir() || !isCase && !strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../conformance/") {
			return nil
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			for _, id := range rulesIn(line) {
				found[id] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func skipDir(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

// TestRules: each rule of the sections A to N and P has a test that names it, or one that rules.tsv names, or a line in docs/differences.md, or waits for a
// feature.
func TestRules(t *testing.T) {
	count, seen := map[byte]int{}, map[string]bool{}
	differs, tested := differs(t), tested(t)
	for _, row := range table(t, "rules.tsv", "rule", "tests", "waits") {
		id, tests, waitsFor := row[0], strings.Fields(row[1]), row[2]
		if seen[id] || rule.FindString(id) != id {
			t.Errorf("%q is no rule, or there twice", id)
			continue
		}
		seen[id] = true
		count[id[0]]++
		for _, test := range tests {
			if err := exists(test); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		_, known := features[waitsFor]
		switch {
		case waitsFor != "" && !known:
			t.Errorf("%s waits for %q, which is no feature", id, waitsFor)
		case len(tests) == 0 && waitsFor == "" && !tested[id] && !differs[id]:
			t.Errorf("no test names rule %s, nor does rules.tsv name a test for it, nor has docs/differences.md a line for it", id)
		}
	}
	for section, want := range sections {
		if count[section] != want {
			t.Errorf("section %c has %d rules, not %d", section, want, count[section])
		}
	}
}

// What counts as naming a rule, and what not.
func TestRulesNamed(t *testing.T) {
	for line, want := range map[string]string{
		"// rule B2 holds":             "B2",
		"# Rules E1, E2 and K1b: x":    "E1 E2 K1b",
		"=== A12 first IPv6 address":   "A12",
		"=== A12_first_IPv6_address":   "A12",
		"0x0A12 and B2 are no numbers": "",
		"// ruled by nobody":           "",
	} {
		if got := strings.Join(rulesIn(line), " "); got != want {
			t.Errorf("%q names %q, want %q", line, got, want)
		}
	}
}
