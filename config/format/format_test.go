package format_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
	"holdfast.dev/config/files"
	"holdfast.dev/config/format"
)

func TestFormat(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"blank lines", "\n\n  \na\n\n\n\nb\n\n", "a\n\nb\n"},
		{"one line", "vrrp_instance  VI_1   { state\tBACKUP }", "vrrp_instance VI_1 {\n\tstate BACKUP\n}\n"},
		{"brace below", "a b\n{\nc\n  }\nd\n{\n}\n", "a b {\n\tc\n}\n\nd {\n}\n"},
		{"comments", "# one\na { # two\n   !three\nb 1   #four\n} # five\n#six\n", "# one\na { # two\n\t!three\n\tb 1 #four\n} # five\n\n#six\n"},
		{"comment before brace", "a # why\n{\nb\n}", "a # why\n{\n\tb\n}\n"},
		{"quotes", "a { n  \"x  {  y\"  'p  q' }", "a {\n\tn  \"x  {  y\"  'p  q'\n}\n"},
		{"carriage returns", "a {\r\n  b\r\n}\r\n", "a {\n\tb\n}\n"},
		{"include", "a {\ninclude  /etc/{a,b}  c.conf\n}", "a {\n\tinclude  /etc/{a,b}  c.conf\n}\n"},
		{"condition", "@x a {\n@^y b { c }\n}\n", "@x a {\n\t@^y b { c }\n}\n"},
		{"definition", "$A=\\\n  b   c \\\n  d\n\n\n x $A\n", "$A=\\\n  b   c \\\n  d\n\nx $A\n"},
		{"odd quotes", "a  \"b   c\n d", "a  \"b   c\nd\n"},
		{"list", "g { 10.0.0.1   10.0.0.2\n10.0.0.3 }", "g {\n\t10.0.0.1 10.0.0.2\n\t10.0.0.3\n}\n"},
		{"too many ends", "}\n}\na", "}\n}\n\na\n"},
	} {
		got, err := format.Format(tc.in)
		if err != nil || got != tc.want {
			t.Errorf("%s: %v\n%q, want\n%q", tc.name, err, got, tc.want)
		}
		holds(t, tc.in)
	}
}

// holds checks what must be true of every text: formatting twice is formatting once, and nothing changes its meaning.
func holds(t *testing.T, text string) {
	t.Helper()
	once, err := format.Format(text)
	if err != nil {
		if once != text {
			t.Fatalf("changed all the same:\n%q\n%q", text, once)
		}
		return
	}
	if twice, err := format.Format(once); err != nil || twice != once {
		t.Fatalf("not idempotent (%v) for %q:\n%q\n%q", err, text, once, twice)
	}
	if a, b := load(text), load(once); (a.Config == nil) != (b.Config == nil) || a.Config != nil && !a.Config.Equal(b.Config) || a.Diags.ExitCode() != b.Diags.ExitCode() {
		t.Fatalf("another meaning:\n%q\n%q", text, once)
	}
}

func load(text string) config.Result {
	return config.Load(one(text), "/k.conf", config.Env{Expand: expand.Env{NodeName: "n", Dir: "/"}, Test: true})
}

type one string

func (o one) Stat(p string) (expand.Facts, error) {
	if p != "/k.conf" {
		return expand.Facts{}, os.ErrNotExist
	}
	return expand.Facts{Regular: true}, nil
}

func (o one) Read(p string) (string, expand.Facts, error) {
	f, err := o.Stat(p)
	return string(o), f, err
}

func (o one) List(string) ([]string, error) { return nil, os.ErrNotExist }

// corpus is every file that the tests of this project know, and those that come with keepalived.
func corpus(t testing.TB) (texts []string) {
	for _, pattern := range []string{
		"../testdata/*.txt", "../testdata/*/*.conf", "../expand/testdata/*", "/usr/share/doc/keepalived/samples/*",
	} {
		paths, _ := filepath.Glob(pattern)
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				continue // a folder
			}
			if strings.HasSuffix(p, ".txt") {
				for c := range strings.SplitSeq(string(text), "\n=== ") {
					_, body, _ := strings.Cut(c, "\n")
					input, _, _ := strings.Cut(body, "---\n")
					texts = append(texts, input)
				}
				continue
			}
			texts = append(texts, string(text))
		}
	}
	if len(texts) < 200 {
		t.Fatalf("only %d texts", len(texts))
	}
	return texts
}

func TestCorpus(t *testing.T) {
	refused := 0
	all := corpus(t)
	for _, text := range all {
		holds(t, text)
		if _, err := format.Format(text); err != nil {
			refused++
		}
	}
	if refused*50 > len(all) {
		t.Errorf("%d of %d texts could not be formatted", refused, len(all))
	}
}

// TestSamplesOnDisk formats keepalived's samples and loads both forms as files.
func TestSamplesOnDisk(t *testing.T) {
	paths, _ := filepath.Glob("/usr/share/doc/keepalived/samples/keepalived.conf.*")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out, err := format.Format(string(text))
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		after := filepath.Join(t.TempDir(), "k.conf")
		if err := os.WriteFile(after, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		a := config.Load(files.OS{}, p, config.Env{})
		b := config.Load(files.OS{}, after, config.Env{})
		if (a.Config == nil) != (b.Config == nil) || a.Config != nil && !a.Config.Equal(b.Config) {
			t.Errorf("%s means something else", p)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<16 {
			holds(t, text)
		}
	})
}
