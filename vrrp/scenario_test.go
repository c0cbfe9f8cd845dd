package vrrp

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// A scenario is a file in testdata: lines that say what happens to one engine, a line "----", and everything that the engine did, each
// action with its time in seconds since the start. world_test.go has the words of the language.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := bytes.Cut(data, []byte("----\n"))
			w := newWorld(t)
			for _, line := range strings.Split(string(script), "\n") {
				w.line(line)
			}
			got := w.out.String()
			if *update {
				all := string(script) + "----\n" + got
				if err := os.WriteFile(file, []byte(all), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s", difference(string(want), got))
			}
		})
	}
}

// difference shows where two texts begin to differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	from := max(0, i-3)
	return "want\n" + strings.Join(w[from:min(len(w), i+6)], "\n") + "\ngot\n" + strings.Join(g[from:min(len(g), i+6)], "\n")
}
