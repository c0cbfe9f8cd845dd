package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// call is one row of cli.tsv: an option, signal, file, variable or exit code of keepalived 2.4.3.
type call struct {
	kind, short, long, arg, meaning, notes string
	verdict                                string // built, otherwise, refused or waiting
	tests                                  []string
	why                                    string // what is otherwise, or refused, or the feature that it waits for
}

func calls(t *testing.T) (all []call) {
	t.Helper()
	for _, r := range table(t, "cli.tsv", "kind", "short_or_name", "long_or_process", "arg", "meaning", "notes", "verdict", "tests", "why") {
		all = append(all, call{r[0], r[1], r[2], r[3], r[4], r[5], r[6], strings.Fields(r[7]), r[8]})
	}
	return all
}

func (c *call) name() string {
	return strings.Trim(strings.ReplaceAll(c.short+" "+c.long, "- ", " "), " -")
}

// judge says what is missing in a row.
func (c *call) judge() (problems []string) {
	_, known := features[c.why]
	switch {
	case c.verdict == waiting && !known:
		problems = append(problems, fmt.Sprintf("waits for %q, which is no feature", c.why))
	case c.verdict == waiting && len(c.tests) > 0:
		problems = append(problems, "waits, but has tests")
	case c.verdict != waiting && len(c.tests) == 0:
		problems = append(problems, "has no test")
	case slices.Contains([]string{"otherwise", "refused"}, c.verdict) && c.why == "":
		problems = append(problems, "does not say why")
	case !slices.Contains([]string{"built", "otherwise", "refused", waiting}, c.verdict):
		problems = append(problems, "the verdict is "+c.verdict)
	}
	return problems
}

// TestCommandLine: whatever keepalived's command line, signals, files and exit codes are has a verdict, and what is built has tests.
func TestCommandLine(t *testing.T) {
	all := calls(t)
	if len(all) < 100 {
		t.Errorf("only %d rows", len(all))
	}
	for i := range all {
		c := &all[i]
		for _, p := range c.judge() {
			t.Errorf("%s %s: %s", c.kind, c.name(), p)
		}
		for _, test := range c.tests {
			if err := exists(test); err != nil {
				t.Errorf("%s %s: %v", c.kind, c.name(), err)
			}
		}
	}
}

// TestCommandLinePage keeps docs/commandline.md as the list is.
func TestCommandLinePage(t *testing.T) { page(t, "commandline.md", commandLinePage(calls(t))) }

const commandLineHead = `# Command line, signals, files, exit codes

What keepalived 2.4.3 has of these, row by row, and what is made of it here. *built* is as there, *otherwise* is there but does it another way, *refused* will
not come, *waiting* comes with its feature. Our own options and commands are in [the manual page](man/holdfast.8). This page is made from ` + "`conformance/cli.tsv`" + ` by
` + "`go test ./conformance -update`" + `, which sees that every row has a verdict and its tests exist.
`

var kindTitles = map[string]string{
	"option": "Options", "genhash-option": "Options of genhash", "signal": "Signals", "pidfile": "Files", "environment": "Environment", "exitcode": "Exit codes",
}

func commandLinePage(all []call) string {
	var b strings.Builder
	b.WriteString(commandLineHead)
	kind := ""
	for i := range all {
		c := &all[i]
		if c.kind != kind {
			kind = c.kind
			fmt.Fprintf(&b, "\n## %s\n\n| | means | here | |\n|---|---|---|---|\n", kindTitles[kind])
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.ReplaceAll(cell(c.name()), "`", "'"), cell(c.meaning), c.verdict, cell(c.why))
	}
	return b.String()
}
