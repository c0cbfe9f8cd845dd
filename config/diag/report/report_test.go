package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/diag/report"
)

// findings is a list with everything that a report shows.
func findings() *diag.List {
	root := &diag.File{Name: "/etc/k a.conf", Text: "include sub\n"}
	sub := &diag.File{Name: "sub", Text: "one\n\tpriority $P\n", From: diag.Pos{File: root, Line: 1, Col: 1}}
	l := new(diag.List)
	l.Add(diag.Diagnostic{
		Pos:      diag.Pos{File: sub, Line: 2, Col: 11, Def: &diag.Def{Name: "$P", Pos: diag.Pos{File: root, Line: 9, Col: 1}}},
		Severity: diag.Error, Class: diag.InvalidNumber, Text: "bad \"300\"", Hint: "1 to 255",
	})
	l.Add(diag.Diagnostic{Severity: diag.Fatal, Class: diag.BadInterface, Text: "no interface"})
	l.Add(diag.Diagnostic{Pos: diag.Pos{File: root, Line: 1}, Severity: diag.Note, Text: "by the way"})
	return l
}

func TestJSON(t *testing.T) {
	text := report.JSON(findings())
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || r.Exit != 5 && r.Exit != 4 || r.Fatal != 1 || r.Errors != 1 || r.Notes != 1 || len(r.Findings) != 3 {
		t.Errorf("%s", text)
	}
	f := r.Findings[2]
	if f.File != "sub" || f.Line != 2 || f.Column != 11 || f.Source != "\tpriority $P" || len(f.Included) != 1 || f.Included[0].Line != 1 ||
		len(f.Defined) != 1 || f.Defined[0].Name != "$P" || f.Class != "invalid-number" || f.Severity != "error" {
		t.Errorf("%+v", f)
	}
	if got := string(report.JSON(new(diag.List))); !strings.Contains(got, `"findings": []`) {
		t.Errorf("an empty list is %s", got)
	}
}

func TestSARIF(t *testing.T) {
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
				RelatedLocations []struct{ Message struct{ Text string } }
			}
		}
	}
	if err := json.Unmarshal(report.SARIF(findings(), "1.0"), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || len(run.Results) != 3 {
		t.Fatalf("%+v", log)
	}
	for _, r := range run.Results {
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("rule %s is not number %d", r.RuleID, r.RuleIndex)
		}
		if r.Level != "error" && r.Level != "note" {
			t.Errorf("SARIF knows no level %q", r.Level)
		}
	}
	r := run.Results[2]
	if r.Message.Text != `bad "300" (1 to 255)` || r.Locations[0].PhysicalLocation.Region.StartColumn != 11 || len(r.RelatedLocations) != 2 {
		t.Errorf("%+v", r)
	}
	if got := run.Results[1].Locations[0].PhysicalLocation.ArtifactLocation.URI; got != "file:///etc/k%20a.conf" {
		t.Errorf("URI %q", got)
	}
}
