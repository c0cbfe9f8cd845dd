// Package steady has the random tests of a package that imports it draw the same on CI every time, where the environment variable CI is set:
// a change is judged there by what it changes, not by what a lucky seed finds in the rest. Everywhere else each run draws something new.
package steady

import (
	"flag"
	"os"

	_ "pgregory.net/rapid" // its flags exist before the ones here are set
)

func init() {
	if os.Getenv("CI") != "" {
		_ = flag.Set("rapid.seed", "1") // the command line has the last word
	}
}
