package schema_test

import (
	"os"
	"strings"
	"testing"

	"holdfast.dev/config/schema"
)

// rows reads the list of every keyword of keepalived 2.4.3: block, keyword, arguments, range, meaning, notes.
func rows(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/keywords.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.Split(strings.TrimRight(line, "\n"), "\t"))
	}
	if len(out) != 556 {
		t.Fatalf("%d lines, want a heading and 555 rows", len(out))
	}
	return out[1:]
}

// TestEveryKeyword holds the tables against the list of keepalived's keywords.
func TestEveryKeyword(t *testing.T) {
	listed := make(map[string]bool)
	for _, r := range rows(t) {
		listed[r[0]+" "+r[1]] = true
		b := schema.Lookup(r[0])
		if b == nil {
			t.Errorf("no block %s", r[0])
			continue
		}
		k := b.Find(r[1])
		if k == nil {
			t.Errorf("%s: no keyword %s", r[0], r[1])
			continue
		}
		checkRow(t, k, r)
	}
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			if !listed[b.Path+" "+k.Name] && k.Since != schema.Own {
				t.Errorf("%s: %s is neither keepalived's nor marked as ours", b.Path, k.Name)
			}
		}
	}
}

func checkRow(t *testing.T, k *schema.Keyword, r []string) {
	t.Helper()
	name := r[0] + " " + r[1]
	if k.Means == "" || k.Good == "" || k.Bad == "" {
		t.Errorf("%s: meaning or examples missing", name)
	}
	if opens := strings.Contains(r[2], "{") && r[1] != schema.Entry; opens != (k.Opens != schema.NoBlock) {
		t.Errorf("%s: opens %d, but arguments are %q", name, k.Opens, r[2])
	}
	if (k.Opens == schema.Keywords || k.Opens == schema.Entries) && k.Content() == nil {
		t.Errorf("%s: its block is not there", name)
	}
	if (r[2] == "-") != (len(k.Args) == 0 && k.Opens == schema.NoBlock) {
		t.Errorf("%s: %d arguments, want %q", name, len(k.Args), r[2])
	}
	if once := strings.Contains(r[3]+r[5], "first wins") || strings.Contains(r[3]+r[5], "only once"); once && k.Repeat != schema.First {
		t.Errorf("%s: repetition %d, but the list says %q %q", name, k.Repeat, r[3], r[5])
	}
	if newer := strings.Contains(r[5], "added after 2.2.7"); newer != (k.Since != "") {
		t.Errorf("%s: since %q, but the list says %q", name, k.Since, r[5])
	}
}

// TestAliases checks that every alias names a keyword of the same block.
func TestAliases(t *testing.T) {
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			if k.Alias != "" && b.Find(k.Alias) == nil {
				t.Errorf("%s: %s is an alias of %s, which is not there", b.Path, k.Name, k.Alias)
			}
		}
	}
}

// TestFrames checks that every block has a frame with one place for a line.
func TestFrames(t *testing.T) {
	for _, b := range schema.Blocks() {
		if strings.Count(b.Frame, "%s") != 1 || b.Means == "" {
			t.Errorf("%s: frame %q, meaning %q", b.Path, b.Frame, b.Means)
		}
	}
}

func TestSuggest(t *testing.T) {
	inst := schema.Lookup("vrrp_instance")
	for _, tc := range []struct{ word, want string }{
		{"priorty", "did you mean 'priority'?"},
		{"real_server", "'real_server' belongs into virtual_server, not vrrp_instance"},
		{"qqqqqqqqqqqqq", ""},
	} {
		if got := schema.Suggest(inst, tc.word); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.word, got, tc.want)
		}
	}
}

func TestUsage(t *testing.T) {
	inst := schema.Lookup("vrrp_instance")
	for word, want := range map[string]string{
		"priority":        "priority N",
		"garp_extra_if":   "garp_extra_if [all] SECONDS",
		"notify_master":   "notify_master SCRIPT [USER] [GROUP]",
		"track_interface": "track_interface { ... }",
	} {
		if got := inst.Find(word).Usage(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
