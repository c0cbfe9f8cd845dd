package conformance

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// regression is one row of regressions.tsv.
type regression struct {
	id, scenario, wrong, right string
	verdict                    string
	tests                      []string
	note                       string // what it waits for; of a covered one, what the rest of it waits for
}

const covered = "covered"

func regressions(t *testing.T) (all []regression) {
	t.Helper()
	for _, r := range table(t, "regressions.tsv", "id", "scenario", "wrong", "right", "verdict", "tests", "note") {
		all = append(all, regression{r[0], r[1], r[2], r[3], r[4], strings.Fields(r[5]), r[6]})
	}
	return all
}

// judge says what is missing in a row.
func (r *regression) judge() (problems []string) {
	_, known := features[waits(r.note)]
	named := slices.ContainsFunc(r.tests, func(test string) bool { return strings.Contains(test, ":TestRegression"+r.id+"_") })
	switch {
	case r.verdict == covered && !named:
		problems = append(problems, "covered, and no test has its name")
	case r.verdict == covered && r.note != "" && !known, r.verdict == waiting && !known:
		problems = append(problems, fmt.Sprintf("waits for %q, which is no feature", r.note))
	case r.verdict == waiting && len(r.tests) > 0:
		problems = append(problems, "waits, but has tests")
	case r.verdict != covered && r.verdict != waiting:
		problems = append(problems, "the verdict is "+r.verdict)
	}
	if r.scenario == "" || r.wrong == "" || r.right == "" {
		problems = append(problems, "is not told")
	}
	return problems
}

// TestRegressions: whatever went wrong in others has a test of its name, or waits for its feature; and every test of such a name is in the list.
func TestRegressions(t *testing.T) {
	listed, seen := map[string]bool{}, map[string]bool{}
	for _, r := range regressions(t) {
		if seen[r.id] {
			t.Errorf("%s is there twice", r.id)
		}
		seen[r.id] = true
		for _, p := range r.judge() {
			t.Errorf("%s: %s", r.id, p)
		}
		for _, test := range r.tests {
			listed[test] = true
			if err := exists(test); err != nil {
				t.Errorf("%s: %v", r.id, err)
			}
		}
	}
	found := named(t)
	for _, test := range found {
		if !listed[test] {
			t.Errorf("%s is not in regressions.tsv", test)
		}
	}
	if len(found) < 40 {
		t.Errorf("only %d tests of such names", len(found))
	}
}

var regressionName = regexp.MustCompile(`^TestRegression[A-Z][0-9]+_`)

// named lists all tests of the project that are named after a regression.
func named(t *testing.T) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		dir, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
		n, err := namesOf(filepath.ToSlash(dir))
		if err != nil {
			return nil //nolint:nilerr // a folder without tests
		}
		for name := range n.funcs {
			if regressionName.MatchString(name) {
				list = append(list, filepath.ToSlash(dir)+":"+name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// A row that is not as it must be is noticed.
func TestJudgeRegression(t *testing.T) {
	good := regression{id: "A1", scenario: "a", wrong: "b", right: "c", verdict: covered, tests: []string{"vrrp:TestRegressionA1_X"}}
	if p := good.judge(); len(p) > 0 {
		t.Error(p)
	}
	for name, edit := range map[string]func(r *regression){
		"no test":              func(r *regression) { r.tests = nil },
		"a test of another":    func(r *regression) { r.tests = []string{"vrrp:TestRegressionA10_X"} },
		"no verdict":           func(r *regression) { r.verdict = "" },
		"waits for nothing":    func(r *regression) { r.verdict, r.tests = waiting, nil },
		"waits, with a test":   func(r *regression) { r.verdict, r.note = waiting, "BFD" },
		"waits for luck":       func(r *regression) { r.note = "luck" },
		"without its scenario": func(r *regression) { r.scenario = "" },
	} {
		r := good
		if edit(&r); len(r.judge()) == 0 {
			t.Errorf("%s: nothing is wrong with %+v", name, r)
		}
	}
}

// TestRegressionsPage keeps docs/regressions.md as the list is.
func TestRegressionsPage(t *testing.T) { page(t, "regressions.md", regressionsPage(regressions(t))) }

const regressionsHead = `# What went wrong elsewhere

Scenarios in which other VRRP daemons failed over the years, most of them keepalived, sorted by subject. Each that concerns what exists here is a
test of its name: ` + "`TestRegressionA3_…`" + ` is A3. The others wait for their feature, and a test sees that they get theirs with it. This page is made from
` + "`conformance/regressions.tsv`" + ` by ` + "`go test ./conformance -update`" + `. Numbers are not contiguous.

`

var subjects = map[byte]string{
	'A': "Election, timers, adverts", 'B': "Reload", 'C': "Interfaces, addresses, kernel state", 'D': "Virtual MAC and IPv6", 'E': "Packets and interoperation",
	'F': "Scripts, notification, trackers",
}

func regressionsPage(all []regression) string {
	var b strings.Builder
	b.WriteString(regressionsHead)
	done := 0
	for _, r := range all {
		if r.verdict == covered {
			done++
		}
	}
	fmt.Fprintf(&b, "%d of %d are covered.\n", done, len(all))
	section := byte(0)
	for _, r := range all {
		if r.id[0] != section {
			section = r.id[0]
			fmt.Fprintf(&b, "\n## %c. %s\n\n| | scenario | what happened | what must happen | tests |\n|---|---|---|---|---|\n", section, subjects[section])
		}
		tests := code(r.tests)
		switch {
		case r.verdict == waiting:
			tests = "waiting for " + r.note
		case r.note != "":
			tests += "<br>the rest waits for " + r.note
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.id, cell(r.scenario), cell(r.wrong), cell(r.right), tests)
	}
	return b.String()
}
