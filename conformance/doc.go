// Package conformance holds the ledger: what the RFCs ask of a VRRP router, requirement by requirement, with what holds here, the tests that
// show it, and how a violation is noticed; and the list of what went wrong in others, with the tests that show that it does not happen here.
//
// It is data and tests. ledger.tsv, violations.txt and regressions.tsv are written by hand; docs/conformance.md and docs/regressions.md
// are made from them:
//
//	go test ./conformance -update       writes the two pages
//	go test ./conformance -violations   commits each violation in a copy of the code and sees the named tests fail; some minutes
package conformance
