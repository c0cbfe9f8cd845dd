package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// requirement is one row of ledger.tsv.
type requirement struct {
	id, rfc, section, level, text string
	verdict                       string
	holds                         []string // tests that show that it is so; of a deviation, that we do what the note says
	noticed                       []string // tests that are given a violation and say so, and "~name" of violations.txt; of a deviation, tests of the switch
	note                          string   // why it deviates or does not apply, what it waits for, why nothing can violate it
	by                            string   // of a deviation: what makes it conform
}

// The verdicts.
const (
	holds    = "holds"
	deviates = "deviates"
	foreign  = "not applicable"
	waiting  = "waiting"
)

func ledger(t *testing.T) (all []requirement) {
	t.Helper()
	rows := table(t, "ledger.tsv", "id", "rfc", "section", "level", "requirement", "verdict", "holds", "noticed", "switch", "note")
	for _, r := range rows {
		all = append(all, requirement{
			id: r[0], rfc: r[1], section: r[2], level: r[3], text: r[4], verdict: r[5],
			holds: strings.Fields(r[6]), noticed: strings.Fields(r[7]), by: r[8], note: r[9],
		})
	}
	return all
}

func (r *requirement) must() bool { return r.level == "MUST" || r.level == "MUST NOT" }

// TestLedger: every requirement has a verdict, and what the verdict needs.
func TestLedger(t *testing.T) {
	seen, all := map[string]bool{}, violations(t)
	for _, r := range ledger(t) {
		if seen[r.id] || r.text == "" || r.rfc == "" || r.level == "" {
			t.Errorf("%s: is there twice, or is empty", r.id)
		}
		seen[r.id] = true
		for _, problem := range r.judge() {
			t.Errorf("%s: %s", r.id, problem)
		}
		for _, test := range append(slices.Clone(r.holds), r.noticed...) {
			name, ok := strings.CutPrefix(test, "~")
			switch {
			case !ok:
				if err := exists(test); err != nil {
					t.Errorf("%s: %v", r.id, err)
				}
			case all[name] == nil:
				t.Errorf("%s: violations.txt has no %s", r.id, name)
			default:
				all[name].used = true
			}
		}
	}
	for name, v := range all {
		if !v.used {
			t.Errorf("violations.txt: %s violates no requirement", name)
		}
	}
	if len(seen) < 450 {
		t.Errorf("only %d requirements", len(seen))
	}
}

// judge says what is missing in a row.
func (r *requirement) judge() (problems []string) {
	say := func(wrong bool, text string) {
		if wrong {
			problems = append(problems, text)
		}
	}
	switch r.verdict {
	case holds:
		say(len(r.holds) == 0, "holds, and no test shows it")
		say(r.must() && len(r.noticed) == 0 && r.note == "", "no violation of it is noticed, and no note says why")
		say(r.by != "", "a switch is for deviations")
	case deviates:
		say(r.note == "" || r.by == "", "deviates without a reason, or without a word on the switch")
		say(len(r.holds) == 0, "no test holds what is done instead")
	case foreign:
		say(r.note == "", "does not apply, but why?")
	case waiting:
		_, ok := features[waits(r.note)]
		say(!ok, fmt.Sprintf("waits for %q, which is no feature", waits(r.note)))
		say(len(r.holds)+len(r.noticed) > 0, "waits, but has tests")
	default:
		problems = append(problems, "the verdict is "+r.verdict)
	}
	return problems
}

// A row that is not as it must be is noticed.
func TestJudge(t *testing.T) {
	for _, r := range []requirement{
		{},
		{verdict: "ok", holds: []string{"a"}},
		{verdict: holds},
		{verdict: holds, level: "MUST", holds: []string{"a"}},
		{verdict: holds, level: "MUST NOT", holds: []string{"a"}},
		{verdict: holds, holds: []string{"a"}, by: "b"},
		{verdict: deviates, holds: []string{"a"}, by: "b"},
		{verdict: deviates, holds: []string{"a"}, note: "b"},
		{verdict: deviates, note: "a", by: "b"},
		{verdict: foreign},
		{verdict: waiting},
		{verdict: waiting, note: "better times"},
		{verdict: waiting, note: "BFD", holds: []string{"a"}},
	} {
		if len(r.judge()) == 0 {
			t.Errorf("nothing is wrong with %+v", r)
		}
	}
	for _, r := range []requirement{
		{verdict: holds, holds: []string{"a"}},
		{verdict: holds, level: "MUST", holds: []string{"a"}, noticed: []string{"b"}},
		{verdict: holds, level: "MUST", holds: []string{"a"}, note: "nothing can"},
		{verdict: deviates, holds: []string{"a"}, by: "b", note: "c"},
		{verdict: foreign, note: "a"},
		{verdict: waiting, note: "BFD; and more"},
	} {
		if p := r.judge(); len(p) > 0 {
			t.Errorf("%+v: %v", r, p)
		}
	}
}

// TestConformancePage keeps docs/conformance.md as the ledger is.
func TestConformancePage(t *testing.T) {
	page(t, "conformance.md", conformance(ledger(t), violations(t)))
}

const conformanceHead = `# Conformance

What the RFCs ask of a VRRP router, one row for each requirement, and what shows that it is so here. This page is made from
` + "`conformance/ledger.tsv`" + ` and ` + "`conformance/violations.txt`" + ` by ` + "`go test ./conformance -update`" + `; a test keeps it current, sees that every test that is
named exists, and that nothing is without a verdict.

| verdict | |
|---|---|
| holds | the tests named show it |
| deviates | on purpose; the tests named show what is done instead |
| not applicable | the note says why |
| waiting | for a feature that is not built, and whose keywords are refused at start |

Tests are named folder:Test/sub, as ` + "`go test ./folder -run Test/sub`" + ` takes them.

**How a violation is noticed.** Where a peer can break a rule, a test gives us the broken packet, or a checker of the simulator the broken trace. Where
only we could break it, the rule is broken on purpose: ` + "`go test ./conformance -violations`" + ` commits each violation of the list at the end in a copy of the
code and sees the tests fail that are named with it. A ~name in the tables is one of them.

`

func conformance(all []requirement, broken map[string]*violation) string {
	var b strings.Builder
	b.WriteString(conformanceHead)
	count(&b, all)
	b.WriteString("## Deviations\n\nOn purpose, each with what makes it conform.\n\n| | requirement | why not | switch | tests |\n|---|---|---|---|---|\n")
	for _, r := range all {
		if r.verdict == deviates {
			fmt.Fprintf(&b, "| %s<br>RFC %s, %s<br>%s | %s | %s | %s | %s |\n", r.id, r.rfc, r.section, r.level, cell(r.text), cell(r.note), cell(r.by),
				code(append(slices.Clone(r.holds), r.noticed...)))
		}
	}
	for _, rfc := range documents(all) {
		fmt.Fprintf(&b, "\n## %s\n\n", title(rfc))
		rows(&b, all, rfc)
	}
	b.WriteString("\n## Violations\n\n| name | what is wrong then | where | tests that fail |\n|---|---|---|---|\n")
	var names []string
	for name := range broken {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := broken[name]
		fmt.Fprintf(&b, "| ~%s | %s | %s | %s |\n", name, cell(v.what), v.file, code(v.fails))
	}
	return b.String()
}

// documents lists the RFCs in the order of the ledger.
func documents(all []requirement) (list []string) {
	for _, r := range all {
		if !slices.Contains(list, r.rfc) {
			list = append(list, r.rfc)
		}
	}
	return list
}

func title(rfc string) string {
	names := map[string]string{
		"3768": "RFC 3768, VRRP version 2", "9568": "RFC 9568, VRRP version 3", "5798": "RFC 5798, version 3 before it, where it differs",
		"2338": "RFC 2338, authentication", "5227": "RFC 5227, address conflict detection", "4861": "RFC 4861, neighbor discovery",
		"auth_hmac": "draft-cassen-vrrp-auth-hmac, of keepalived 2.4.3", "9747": "RFC 9747, BFD echo without a session at the other end",
		"5880": "RFC 5880, BFD", "5881": "RFC 5881, BFD for one hop", "5882": "RFC 5882, use of BFD", "5883": "RFC 5883, BFD for several hops",
	}
	if n := names[rfc]; n != "" {
		return n
	}
	return "RFC " + rfc
}

// count writes how many requirements have which verdict.
func count(b *strings.Builder, all []requirement) {
	b.WriteString("| level | holds | deviates | not applicable | waiting |\n|---|---|---|---|---|\n")
	for _, level := range []string{"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "FIELD", "DEF", "STEP"} {
		n := map[string]int{}
		for _, r := range all {
			if r.level == level {
				n[r.verdict]++
			}
		}
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d |\n", level, n[holds], n[deviates], n[foreign], n[waiting])
	}
	b.WriteString("\nFIELD is a field of a packet, DEF a definition or a default, STEP an event of the state machine with what it does.\n\n")
}

func rows(b *strings.Builder, all []requirement, rfc string) {
	rest := map[string][]string{}
	var order []string
	b.WriteString("| | | requirement | verdict | shown by | violation noticed by |\n|---|---|---|---|---|---|\n")
	n := 0
	for _, r := range all {
		if r.rfc != rfc {
			continue
		}
		if r.verdict == waiting {
			w := waits(r.note)
			if len(rest[w]) == 0 {
				order = append(order, w)
			}
			rest[w] = append(rest[w], fmt.Sprintf("| %s | %s | %s |\n", r.id, r.level, cell(r.text)))
			continue
		}
		n++
		verdict := r.verdict
		if r.note != "" && r.verdict != deviates {
			verdict += ": " + r.note
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", r.id, r.level, cell(r.text), cell(verdict), code(r.holds), code(r.noticed))
	}
	if n == 0 {
		s := b.String()
		b.Reset()
		b.WriteString(s[:strings.LastIndex(s, "| | | requirement")])
	}
	for _, w := range order {
		if n > 0 {
			b.WriteString("\n")
		}
		n++
		fmt.Fprintf(b, "Waiting for %s:\n\n| | | requirement |\n|---|---|---|\n%s", w, strings.Join(rest[w], ""))
	}
}
