package conformance

import (
	"strings"
	"testing"

	"holdfast.dev/config/schema"
)

// features are what requirements and regressions wait for, each with a keyword that is refused at start as long as it is not built.
var features = map[string]struct{ block, keyword string }{
	"BFD":              {"root", "bfd_instance"},
	"D-Bus":            {"global_defs", "enable_dbus"},
	"health checks":    {"root", "virtual_server"},
	"IPVS sync daemon": {"global_defs", "lvs_sync_daemon"},
	"SNMP":             {"global_defs", "enable_snmp_vrrp"},
}

// waits reports the feature that a note says is missing: "waiting for it", or with more words after a semicolon.
func waits(note string) string {
	name, _, _ := strings.Cut(note, ";")
	return name
}

// Whatever waits for a feature gets its verdict with the feature.
func TestFeaturesAreMissing(t *testing.T) {
	for name, f := range features {
		b := schema.Lookup(f.block)
		if b == nil {
			t.Errorf("%s: there is no block %s", name, f.block)
			continue
		}
		k := b.Find(f.keyword)
		switch {
		case k == nil:
			t.Errorf("%s: %s has no keyword %s", name, f.block, f.keyword)
		case k.Built == schema.Yes:
			t.Errorf("%s is built: give a verdict to all that waits for it in ledger.tsv, regressions.tsv and rules.tsv, and take it off this list", name)
		}
	}
}
