package machine

import (
	"net/netip"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/transport/proof"
)

// inspect looks at the files of transport tls as of today.
func inspect(id *config.Identity, source netip.Addr) (out []config.Flaw) {
	weights := map[proof.Weight]diag.Severity{proof.Note: diag.Warning, proof.Wrong: diag.Error, proof.Fatal: diag.Fatal}
	for _, f := range proof.Inspect(id.Certificate, []byte(id.Key), id.CA, source, time.Now()) {
		out = append(out, config.Flaw{Keyword: string(f.File), Severity: weights[f.Weight], Text: f.Text, Hint: f.Hint})
	}
	return out
}
