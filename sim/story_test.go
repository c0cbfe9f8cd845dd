package sim

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite-stories", false, "write the timelines of the stories into docs/elections.md anew")

const electionsPage = "../docs/elections.md"

// TestStories: each ends as it says, nothing is wrong meanwhile, and docs/elections.md has what really happens, between a line
// "```text NAME" and the next "```".
func TestStories(t *testing.T) {
	page, err := os.ReadFile(electionsPage)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, s := range Stories() {
		log := &Timeline{Brief: true}
		masters, failure := s.Play(log)
		if failure != nil {
			t.Errorf("%s: %v", s.Name, failure)
		}
		if masters != s.Master {
			t.Errorf("%s: MASTER in the end is %q, should be %s", s.Name, masters, s.Master)
		}
		var told bytes.Buffer
		if err := log.Write(&told, 0); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("```text %s\n%s```\n", s.Name, told.String())
		from := strings.Index(text, "```text "+s.Name+"\n")
		if from < 0 {
			t.Errorf("%s is not in %s", s.Name, electionsPage)
			continue
		}
		end := strings.Index(text[from+3:], "```\n")
		if end < 0 {
			t.Fatalf("%s has no end", s.Name)
		}
		end += from + 3 + len("```\n")
		if text[from:end] != want {
			if !*rewrite {
				t.Errorf("%s happens otherwise than %s says:\n%s", s.Name, electionsPage, told.String())
			}
			text = text[:from] + want + text[end:]
		}
	}
	if *rewrite {
		if err := os.WriteFile(electionsPage, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
