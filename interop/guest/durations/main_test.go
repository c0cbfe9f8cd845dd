package durations

import (
	"os"
	"os/exec"
	"testing"

	"holdfast.dev/interop/guest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "told" {
		told() // this run is a notify script
	}
	guest.Main(m, job)
}

func job() (guest.Job, error) {
	j := guest.Job{
		Build:       map[string]string{ours.path: "holdfast.dev/cmd/holdfast"},
		Files:       map[string]string{},
		Modules:     []string{"veth", "bridge", "dummy", "macvlan", "nlmon"},
		VirtualTime: true,
	}
	if path, err := exec.LookPath("/usr/sbin/keepalived"); err == nil {
		j.Files[reference.path] = path // for comparison; what is asserted does not need it
	}
	return j, nil
}
