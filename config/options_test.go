package config_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast.dev/config/schema"
)

var entriesTried = flag.Int("entries", 120, "how many random entries of lists to compare with keepalived")

// samples are arguments for the options of addresses, routes and rules: two that are right, and one that is wrong.
var samples = map[string][3]string{
	"dev": {"eth0", "eth0", "a_name_that_is_too_long"}, "scope": {"link", "200", "nope"}, "brd": {"+", "10.0.0.255", "10.0.0"}, "label": {"eth0:1", "eth0:x", "a_label_that_is_too_long"},
	"peer": {"10.0.0.77", "10.0.0.78", "10.0.0"}, "preferred_lft": {"forever", "30", "soon"}, "src": {"10.0.0.9", "10.0.0.9", "10.0"}, "via": {"10.0.0.254", "10.0.0.253", "10.0"},
	"tos": {"4", "0x10", "nope"}, "table": {"100", "main", "nope"}, "protocol": {"18", "18", "nope"}, "metric": {"5", "0", "-1"}, "mtu": {"1400", "lock 1400", "big"}, "hoplimit": {"9", "255", "256"},
	"advmss": {"1300", "lock 1300", "x"}, "window": {"100", "200", "x"}, "cwnd": {"10", "lock 10", "x"}, "ssthresh": {"10", "lock 10", "x"}, "realms": {"1/2", "2", "nope"}, "initcwnd": {"10", "20", "x"},
	"initrwnd": {"10", "20", "x"}, "quickack": {"0", "1", "2"}, "congctl": {"cubic", "lock reno", ""}, "rto_min": {"300ms", "3s", "x"}, "from": {"10.9.0.0/16", "10.8.0.1", "10.9"},
	"to": {"10.9.0.0/16", "default", "10.9"}, "preference": {"7", "0x20", "x"}, "fwmark": {"7", "0x7/0xff", "x"}, "suppress_prefixlength": {"4", "0", "x"}, "oif": {"eth0", "eth0", "a_name_that_is_too_long"},
	"uidrange": {"1-5", "0-9", "5"}, "ipproto": {"tcp", "17", "nope"}, "sport": {"10-20", "1-1", "7"}, "dport": {"10-20", "1-2", "7"}, "goto": {"50", "0x60", "x"}, "tunnel-id": {"7", "8", "x"},
}

// plainOptions are options without arguments that both versions of keepalived know in the same way.
var plainOptions = map[string]bool{"home": true, "-nodad": true, "mngtmpaddr": true, "noprefixroute": true, "no_track": true, "onlink": true, "not": true, "blackhole": true, "prohibit": true}

// TestAgainstEntries puts options of addresses, routes and rules together at random, one entry in three with a wrong argument,
// and compares exit codes with keepalived.
func TestAgainstEntries(t *testing.T) {
	iface := netIface(t)
	blocks := []string{"static_routes", "static_rules", "vrrp_instance/virtual_ipaddress", "static_ipaddress"}
	for i := range *entriesTried {
		seed := *mixSeed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			b := schema.Lookup(blocks[r.IntN(len(blocks))])
			line := randomEntry(r, b)
			compare(t, strings.ReplaceAll(example(b, &b.Keys[0], line), "eth0", iface))
		})
	}
}

// randomEntry draws one line of a list.
func randomEntry(r *rand.Rand, b *schema.Block) string {
	words := map[string][]string{
		"static_routes": {"10.9.0.0/16"}, "static_rules": {"from", "10.7.0.0/16", "table", "50", "preference", "9"},
	}[b.Path]
	if words == nil {
		words = []string{[]string{"10.0.0.5/24", "10.0.0.5"}[r.IntN(2)]}
	}
	key := &b.Keys[0]
	var opts []schema.Option
	for i := range key.Args {
		opts = append(opts, key.Args[i].Opts...)
	}
	wrong := r.IntN(3) == 0
	used := map[string]bool{"from": true, "table": b.Path == "static_rules", "preference": b.Path == "static_rules"}
	for n := 1 + r.IntN(4); n > 0; {
		o := opts[r.IntN(len(opts))]
		name := o.Words[0]
		s, ok := samples[name]
		if n--; used[name] || !ok && !plainOptions[name] {
			continue
		}
		used[name] = true
		words = append(words, name)
		if !ok {
			continue
		}
		pick := r.IntN(2)
		if wrong {
			pick, wrong = 2, false
		}
		if s[pick] != "" {
			words = append(words, s[pick])
		}
	}
	return strings.Join(words, " ")
}
