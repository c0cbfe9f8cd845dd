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
	mixtures = flag.Int("mixtures", 150, "how many mixtures to compare with keepalived")
	mixSeed  = flag.Uint64("mixseed", 1, "seed of the first mixture")
)

// TestAgainstMixtures puts some lines of one block together at random, valid and invalid ones, and compares exit codes
// with keepalived. The seed is in the name of the test.
func TestAgainstMixtures(t *testing.T) {
	iface := netIface(t)
	var blocks []*schema.Block
	for _, b := range schema.Blocks() {
		if len(b.Keys) > 1 && b.Path != "root" && b.Path != "vrrp_instance/auth_hmac" && b.Keys[0].Since != schema.Own { // 2.2.7 does not know auth_hmac
			blocks = append(blocks, b)
		}
	}
	for i := range *mixtures {
		seed := *mixSeed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			compare(t, strings.ReplaceAll(mixture(blocks, seed), "eth0", iface))
		})
	}
}

// mixture draws a block and two to five of its lines.
func mixture(blocks []*schema.Block, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	b := blocks[r.IntN(len(blocks))]
	if r.IntN(2) == 0 {
		b = schema.Lookup([]string{"vrrp_instance", "global_defs", "vrrp_script", "vrrp_sync_group"}[r.IntN(4)])
	}
	var lines, with []string
	have := make(map[string]bool)
	for range 2 + r.IntN(4) {
		k := &b.Keys[r.IntN(len(b.Keys))]
		line := k.Good
		if r.IntN(4) == 0 {
			line = k.Bad
		}
		if k.Since != "" || k.Name == "path" || k.Name == "mh-port" || differs[k.Good] != "" || differs[k.Bad] != "" || k.Excludes != "" {
			continue
		}
		if strings.Contains(line, "unicast_peer") && have["unicast_peer"] {
			continue // 2.2.7 says nothing about a peer that is there already
		}
		have["unicast_peer"] = have["unicast_peer"] || strings.Contains(line, "unicast_peer")
		if k.With != "" && !have[k.With] {
			have[k.With] = true
			with = append(with, k.With)
		}
		lines = append(lines, line)
	}
	if peers := strings.Join(lines, " "); strings.Contains(peers, "unicast_peer") && strings.Contains(peers, "strict_mode") {
		lines = lines[:0] // rule A10 is not in 2.2.7
	}
	if len(lines) == 0 {
		lines = []string{b.Keys[0].Good}
	}
	mix := schema.Keyword{Name: b.Keys[0].Name, With: strings.Join(with, "\n")}
	return example(b, &mix, strings.Join(lines, "\n"))
}
