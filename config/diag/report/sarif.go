package report

import (
	"slices"

	"holdfast.dev/config/diag"
)

// The parts of SARIF 2.1.0 that are used (OASIS standard, sections 3.13 to 3.28).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string       `json:"id"`
		Short sarifMessage `json:"shortDescription"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		Message  *sarifMessage `json:"message,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int           `json:"startLine"`
		StartColumn int           `json:"startColumn,omitempty"`
		Snippet     *sarifMessage `json:"snippet,omitempty"`
	}
)

// SARIF is the list in SARIF 2.1.0; version is that of the program. Rules are the classes of findings.
func SARIF(l *diag.List, version string) []byte {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "holdfast", Version: version, Rules: []sarifRule{}}}, Results: []sarifResult{}}
	rules := &run.Tool.Driver.Rules
	for _, f := range New(l).Findings {
		i := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == f.Class })
		if i < 0 {
			i = len(*rules)
			*rules = append(*rules, sarifRule{f.Class, sarifMessage{"findings of class " + f.Class}})
		}
		text := f.Text
		if f.Hint != "" {
			text += " (" + f.Hint + ")"
		}
		res := sarifResult{RuleID: f.Class, RuleIndex: i, Level: level(f.Severity), Message: sarifMessage{text}}
		if f.File != "" {
			res.Locations = []sarifLocation{location(f.Place, "", f.Source)}
		}
		for _, p := range f.Defined {
			res.Related = append(res.Related, location(p, "from "+p.Name, ""))
		}
		for _, p := range f.Included {
			res.Related = append(res.Related, location(p, "included here", ""))
		}
		run.Results = append(run.Results, res)
	}
	return encode(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// level is the SARIF level of a severity: there is none above error.
func level(severity string) string {
	if severity == diag.Fatal.String() {
		return diag.Error.String()
	}
	return severity
}

func location(p Place, message, source string) sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{uri(p.File)}}}
	if message != "" {
		l.Message = &sarifMessage{message}
	}
	if p.Line > 0 {
		l.Physical.Region = &sarifRegion{StartLine: p.Line, StartColumn: p.Column}
		if source != "" {
			l.Physical.Region.Snippet = &sarifMessage{source}
		}
	}
	return l
}

// uri is a path as a relative or file URI (RFC 3986 section 2.1).
func uri(path string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	if len(path) > 0 && path[0] == '/' {
		b = append(b, "file://"...)
	}
	for i := range len(path) {
		c := path[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '/':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
