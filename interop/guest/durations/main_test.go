package durations

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/interop/guest"
)

var compare = flag.Bool("compare", false, "run the scenarios with the installed keepalived too, and tell its times")

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "told" {
		told() // this run is a notify script
	}
	guest.Main(m, job, "^TestTakeOver", "^TestClock", "^TestIPVLAN", "^TestVRF")
}

func job() (guest.Job, error) {
	j := guest.Job{
		Build:       map[string]string{ours.path: "holdfast.dev/cmd/holdfast"},
		Files:       map[string]string{},
		Modules:     []string{"veth", "bridge", "dummy", "macvlan", "nlmon", "ipvlan", "vrf"},
		VirtualTime: true,
	}
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "compare") }) {
		path, err := exec.LookPath(reference.path)
		if err != nil {
			return j, fmt.Errorf("-compare: %w: it is in the package keepalived", err)
		}
		j.Files[reference.path] = path
	}
	return j, nil
}
