package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// events is a stream of events: "action package test output".
func events(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		f := strings.SplitN(l, " ", 4)
		for len(f) < 4 {
			f = append(f, "")
		}
		fmt.Fprintf(&b, "{\"Action\":%q,\"Package\":%q,\"Test\":%q,\"Output\":%q}\n", f[0], f[1], f[2], f[3])
	}
	return b.String()
}

func TestResults(t *testing.T) {
	many := []string{"fail p "}
	for i := range most + 1 {
		many = append(many, fmt.Sprintf("fail p T%d", i))
	}
	for _, c := range []struct {
		name     string
		in       string
		failed   string
		hopeless string
	}{
		{"one test", events("output p T said", "fail p T", "pass p U", "fail p"), "[p T]", ""},
		{"a subtest", events("fail p T/a/b", "pass p T/c", "fail p T", "fail p"), "[p T/a/b]", ""},
		{"two packages", events("fail p T", "fail p", "fail q T", "fail q"), "[p T q T]", ""},
		{"a crash", events("output p T panic: oh", "fail p T", "fail p"), "[p T]", "p T: panic: oh"},
		{"a race", events("output p T WARNING: DATA RACE", "fail p T", "fail p"), "[p T]", "p T: WARNING: DATA RACE"},
		{"a test that says panic", events("output p T     x_test.go:7: it said panic: oh", "fail p T", "fail p"), "[p T]", ""},
		{"the package itself", events("pass p T", "fail p"), "[]", "no test in particular failed"},
		{"another package itself", events("fail p T", "fail p", "pass q T", "fail q"), "[p T]", "q failed, but none of its tests"},
		{"a build", events("fail p T", "fail p", "build-fail q"), "[p T]", "it does not compile"},
		{"no end", events("output p U begins", "fail p T", "fail p"), "[p T]", "p U did not end"},
		{"too many", events(many...), "[p T0 p T1 p T2 p T3]", "4 tests failed, which is more than 3"},
	} {
		var out strings.Builder
		r := newResults(&out)
		if err := r.read(strings.NewReader("go: downloading\n" + c.in)); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.failed()); got != c.failed {
			t.Errorf("%s: failed %s, want %s", c.name, got, c.failed)
		}
		if got := r.hopeless(); got != c.hopeless {
			t.Errorf("%s: %q, want %q", c.name, got, c.hopeless)
		}
		if !strings.HasPrefix(out.String(), "go: downloading\n") || strings.Contains(c.in, "said") && !strings.Contains(out.String(), "said") {
			t.Errorf("%s: shown was %q", c.name, out.String())
		}
	}
}

func TestPattern(t *testing.T) {
	if got := (name{"p", "TestTour/v2.0/a+b"}).pattern(); got != `^TestTour$/^v2\.0$/^a\+b$` {
		t.Error(got)
	}
}

const module = `package m

import (
	"os"
	"testing"
)

func TestSound(t *testing.T) { t.Log("quiet") }

func TestFlaky(t *testing.T) {
	t.Run("part", func(t *testing.T) {
		if os.Mkdir("was", 0o700) == nil {
			t.Error("the first time")
		}
	})
}

func TestBroken(t *testing.T) {
	if os.Getenv("RETEST_BROKEN") != "" {
		t.Error("every time")
	}
}
`

// TestRun has go test run real tests: one that passes the second time is let pass and named, one that fails twice is not.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{"go.mod": "module m\n\ngo 1.24\n", "m_test.go": module} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	for _, c := range []struct {
		broken     string
		status     int
		want, lack []string
	}{
		{"", 0, []string{"the first time", "FLAKY: m TestFlaky/part", "FAIL\tm"}, []string{"TWICE", "quiet"}},
		{"yes", 1, []string{"every time", "FAILED TWICE: m TestBroken"}, []string{"FLAKY"}},
	} {
		t.Setenv("RETEST_BROKEN", c.broken)
		var out strings.Builder
		status := run(runner{dir: dir, flags: []string{"-count=1"}, out: &out, errs: &out}, []string{"./..."})
		if status != c.status {
			t.Errorf("status %d, want %d\n%s", status, c.status, out.String())
		}
		for _, w := range c.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%q is missing in\n%s", w, out.String())
			}
		}
		for _, w := range c.lack {
			if strings.Contains(out.String(), w) {
				t.Errorf("%q is in\n%s", w, out.String())
			}
		}
	}
}
