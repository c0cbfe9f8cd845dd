package config_test

import (
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// prelude makes the examples complete: scripts are allowed, and the instances of examples exist.
const prelude = "global_defs {\n\tenable_script_security\n\tscript_user root\n}\n"

// TestExamples loads every example of the schema in a minimal file: the valid one without a finding, the invalid one
// with at least one.
func TestExamples(t *testing.T) {
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			t.Run(b.Path+"/"+k.Name, func(t *testing.T) {
				good := load(example(b, k, k.Good), true)
				if found := findings(good, k); len(found) > 0 {
					t.Errorf("valid example %q: %v\n%s", k.Good, found, example(b, k, k.Good))
				}
				bad := load(example(b, k, k.Bad), true)
				if len(bad.Diags.All()) == 0 {
					t.Errorf("nothing said about the invalid example %q", k.Bad)
				}
			})
		}
	}
}

// findings is what a valid example may not give. That a keyword is old may be said.
func findings(r config.Result, k *schema.Keyword) []string {
	var out []string
	for _, d := range r.Diags.All() {
		if d.Severity == diag.Note || (k.Old != "" || k.Block().Path == "vrrp_track_file") && strings.Contains(d.Text, "is deprecated") {
			continue
		}
		out = append(out, d.Keepalived())
	}
	return out
}

// example puts a line into the frame of its block, in the place of other uses of the keywords in it.
func example(b *schema.Block, k *schema.Keyword, line string) string {
	drop := map[string]bool{k.Excludes: true}
	for l := range strings.SplitSeq(line, "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		drop[word] = word != "}" && k.Name != schema.Entry
	}
	var frame []string
	skip := false
	for f := range strings.SplitSeq(b.Frame, "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(f), " ")
		switch {
		case skip:
			skip = f != "}"
		case drop[word] && !strings.Contains(f, "%s") && strings.Count(b.Frame[:strings.Index(b.Frame, f)], "{") >= strings.Count(b.Path, "/"):
			skip = strings.HasSuffix(f, "{")
		default:
			frame = append(frame, f)
		}
	}
	head := prelude
	if k.Name == "enable_script_security" || k.Name == "script_user" {
		head = ""
	}
	if k.With != "" {
		head += k.With + "\n"
	}
	return head + strings.Replace(strings.Join(frame, "\n"), "%s", line, 1) + "\n"
}
