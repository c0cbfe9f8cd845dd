// Package conftest helps the tests of packages that work on loaded configurations.
package conftest

import (
	"errors"
	"os"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
)

// Load loads a file of testdata for a machine on which every interface is a common Ethernet interface.
func Load(t testing.TB, path string) *config.Config {
	t.Helper()
	r := Read(t, path)
	if r.Config == nil {
		t.Fatalf("%s: %v", path, r.Diags.All())
	}
	return r.Config
}

// Read is Load with the findings.
func Read(t testing.TB, path string) config.Result {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Text(string(text))
}

// Text loads a text in the same way.
func Text(text string) config.Result {
	return config.Load(single(text), main, config.Env{
		Expand: expand.Env{NodeName: "node", Dir: "/"},
		Test:   true,
		Interface: func(string) (config.Interface, bool) {
			return config.Interface{Multicast: true, Ethernet: true, MTU: 1500}, true
		},
	})
}

const main = "/k.conf"

// single is a file system with one file.
type single string

func (s single) Stat(path string) (expand.Facts, error) {
	if path != main {
		return expand.Facts{}, errors.New("no such file or directory")
	}
	return expand.Facts{Regular: true}, nil
}

func (s single) Read(path string) (string, expand.Facts, error) {
	facts, err := s.Stat(path)
	return string(s), facts, err
}

func (s single) List(string) ([]string, error) { return nil, errors.New("no such file or directory") }

// Golden compares got with the contents of a file, or rewrites it.
func Golden(t testing.TB, path, got string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
