package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shells run what "holdfast completion" writes for a shell, in that shell: each line of $LINES is completed, and printed
// behind a ">" with a candidate on each line below. Of bash and zsh only what they do with a key that is pressed is left out.
var shells = []struct {
	name, needs, script string
}{
	{"bash", "/usr/share/bash-completion/bash_completion", `
source /usr/share/bash-completion/bash_completion
source <(holdfast completion bash)
compopt() { :; }
while IFS= read -r COMP_LINE; do
	COMP_POINT=${#COMP_LINE} COMP_TYPE=9
	read -ra COMP_WORDS <<<"$COMP_LINE"
	[[ $COMP_LINE == *" " ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	__start_holdfast
	printf '%s\n' ">$COMP_LINE" "${COMPREPLY[@]}"
done <<<"$LINES_TO_COMPLETE"
`},
	{"zsh", "", `
compdef() { : }
source <(holdfast completion zsh)
_describe() { for list; do [[ $list == completions ]] && print -rl -- ${completions%%:*} && return; done }
_arguments() { : }
for line in ${(f)LINES_TO_COMPLETE}; do
	words=(${(z)line}) CURRENT=$#words
	[[ $line == *" " ]] && words+=("") && (( CURRENT++ ))
	print -r -- ">$line"
	_holdfast
done
`},
	{"fish", "", `
holdfast completion fish | source
for line in (string split \n -- $LINES_TO_COMPLETE)
	echo ">$line"
	complete -C "$line" | string replace -r '\t.*' ''
end
true
`},
}

// completions are lines and what must be among the candidates.
var completions = map[string][]string{
	"holdfast ex":                          {"explain"},
	"holdfast explain virtual_router":      {"virtual_router_id"},
	"holdfast explain vrrp_instance/prio":  {"vrrp_instance/priority"},
	"holdfast explain vrrp_instance/track": {"vrrp_instance/track_script", "vrrp_instance/track_file"},
	"holdfast check --format ":             {"text", "json", "sarif"},
	"holdfast fmt --wr":                    {"--write"},
}

func TestCompletion(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "holdfast")); err != nil { // the name makes the test program holdfast, see TestMain
		t.Fatal(err)
	}
	var lines []string
	for line := range completions {
		lines = append(lines, line)
	}
	for _, sh := range shells {
		t.Run(sh.name, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(sh.name)
			if _, missing := os.Stat(sh.needs); err != nil || sh.needs != "" && missing != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%s or its completion is not installed", sh.name)
				}
				t.Skipf("%s or its completion is not installed", sh.name)
			}
			cmd := exec.Command(path, "-c", sh.script)
			cmd.Env = append(os.Environ(), "LINES_TO_COMPLETE="+strings.Join(lines, "\n"), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			for line, want := range completions {
				_, found, _ := strings.Cut("\n"+string(out), "\n>"+line+"\n")
				found, _, _ = strings.Cut(found, "\n>")
				words := strings.Fields(found)
				for _, w := range want {
					if !slices.Contains(words, w) {
						t.Errorf("%s: %q is not among %q", line, w, words)
					}
				}
				if len(words) > 12 {
					t.Errorf("%s: too much: %q", line, words)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
