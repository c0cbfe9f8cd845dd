package config_test

import (
	"compress/gzip"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// manualPage is keepalived's own, where its package is installed.
const manualPage = "/usr/share/man/man5/keepalived.conf.5.gz"

// crashes are the beginnings of texts that the installed keepalived 2.2.7 does not survive, or does not end with.
var crashes = []string{"The syntax for virtual_server", "    $VI4="}

// TestAgainstManual compares what is quoted in keepalived's manual page: examples and synopses alike, since any text must be
// judged in the same way. The texts are read where the package has put them.
func TestAgainstManual(t *testing.T) {
	iface := netIface(t)
	f, err := os.Open(manualPage)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	texts := quoted(string(page))
	if len(texts) < 20 {
		t.Fatalf("only %d texts", len(texts))
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			for _, c := range crashes {
				if strings.HasPrefix(text, c) {
					t.Skip("keepalived does not survive it")
				}
			}
			t.Parallel()
			// A namespace that is not there ends keepalived's test with 0 whatever else is wrong; see cmd/holdfast.
			text = strings.ReplaceAll(text, "net_namespace", "# net_namespace")
			compare(t, strings.ReplaceAll(text, "eth0", iface))
		})
	}
}

// quoted are the texts between .nf and .fi, which are printed as they are.
func quoted(page string) map[string]string {
	out := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?ms)^\.nf\n(.*?)^\.fi`).FindAllStringSubmatch(page, -1) {
		var lines []string
		for line := range strings.Lines(m[1]) {
			if !strings.HasPrefix(line, ".") {
				lines = append(lines, unroff.Replace(fonts.ReplaceAllString(line, "")))
			}
		}
		text := strings.Join(lines, "")
		first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		out[first] = text
	}
	return out
}

var (
	fonts  = regexp.MustCompile(`\\f.`)
	unroff = strings.NewReplacer(`\-`, "-", `\&`, "", `\e`, `\`, `\\`, `\`, `\'`, "'", `\(aq`, "'")
)
