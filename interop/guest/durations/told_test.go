package durations

import "os"

func told() { os.Exit(0) }
