package config_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast.dev/config/schema"
)

var (
	valueCount = flag.Int("values.n", 100, "how many keywords and options with odd values to compare with keepalived; 0 is all, some thousands")
	valueSeed  = flag.Uint64("values.seed", 1, "chooses them")
)

// oddValues are words that are right for one keyword and wrong for another.
var oddValues = []string{
	"", "0", "1", "-1", "2", "42", "255", "256", "1000", "65535", "65536", "4294967295", "4294967296", "1.5", "0.0000001", "3s", "0x10", "abc",
	"yes", "no", "true", "off", "10.0.0.1", "10.0.0.1/24", "10.0.0.1/33", "fe80::1", "2001:db8::1/64", "224.0.0.5", "ff02::5", "eth0",
	"/bin/true", `"/bin/true x"`, `""`, "a b", "1 2", "1-3", "$X", "'x y'", "+1", "all", "inet6", "10.0.0.1 80", "1 reverse", "link", "tcp",
}

// TestAgainstValues compares each keyword, and each option of the lines in lists, with odd values.
func TestAgainstValues(t *testing.T) {
	iface := netIface(t)
	texts := oddTexts()
	r := rand.New(rand.NewPCG(*valueSeed, 0))
	r.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	if *valueCount > 0 {
		texts = texts[:*valueCount]
	}
	for _, c := range texts {
		t.Run(c[0], func(t *testing.T) {
			t.Parallel()
			compare(t, strings.ReplaceAll(c[1], "eth0", iface))
		})
	}
}

// oddTexts are names and texts.
func oddTexts() (out [][2]string) {
	for _, b := range schema.Blocks() {
		for i := range b.Keys {
			k := &b.Keys[i]
			if k.Since != "" || k.Directive || differs[k.Good] != "" || differs[k.Bad] != "" {
				continue
			}
			for _, line := range oddLines(k) {
				out = append(out, [2]string{fmt.Sprintf("%s/%s", b.Path, line), example(b, k, line)})
			}
		}
	}
	return out
}

// oddLines are uses of one keyword.
func oddLines(k *schema.Keyword) (lines []string) {
	if k.Name != schema.Entry {
		if k.Opens == schema.NoBlock {
			for _, v := range oddValues {
				lines = append(lines, strings.TrimSpace(k.Name+" "+v))
			}
		}
		return lines
	}
	entries := []string{"10.0.0.5", "10.0.0.5/24", "2001:db8::5/64", "fe80::5"}
	if strings.Contains(k.Block().Path, "track_") { // an unknown name and a weight keep keepalived 2.2.7 busy for ever
		entries = []string{strings.Fields(k.Good)[0]}
	}
	for _, entry := range entries {
		for i := range k.Args {
			for j := range k.Args[i].Opts {
				o := &k.Args[i].Opts[j]
				lines = append(lines, entry+" "+o.Words[0])
				for _, v := range oddValues {
					if len(o.Args) > 0 && v != "" {
						lines = append(lines, entry+" "+o.Words[0]+" "+v)
					}
				}
			}
		}
	}
	return lines
}
