package interop

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/interop/lab"
)

// TestAuxRole: what is tracked without a script is watched by somebody who is nobody and has no privilege, also a file that only root may
// read, which the daemon has made itself (init_file).
func TestAuxRole(t *testing.T) {
	t.Parallel()
	if reference() {
		t.Skip("it has no such process")
	}
	needRoot(t)
	l := lab.New(t, lab.Options{Nodes: 1})
	a := l.Nodes[0]
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, ready := filepath.Join(dir, "f"), filepath.Join(ownedBy(t, somebody), "ready")
	r := media[0].router(a, a, 100)
	r.Lines = []string{"track_file {\n\t\tf\n\t}", "track_check {\n\t\tready weight 7\n\t\tport weight 30\n\t}"}
	file := lab.File{
		Scripts: []string{
			"track_file f {\n\tfile " + path + "\n\tinit_file 20\n\tweight 2\n}",
			"vrrp_check ready {\n\tfile_exists " + ready + "\n\tinterval 0.1\n}",
			"vrrp_check port {\n\ttcp 127.0.0.1 7\n\tinterval 0.1\n}",
		},
		Routers: []lab.Router{r},
	}
	d := a.Start(ours(t), file.Text())
	has := func(want int) {
		t.Helper()
		l.WaitFor("the priority is "+strconv.Itoa(want), 10*second, func() bool {
			now := time.Now()
			adverts := l.Adverts(r.VR(), now.Add(-3*second), now)
			return len(adverts) > 0 && int(adverts[len(adverts)-1].Priority) == want
		})
	}
	has(140)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if err := os.WriteFile(path, []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	has(110)
	if err := os.WriteFile(ready, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	has(117)
	aux := auxOf(t, d)
	is := status(t, aux)
	judgeCaps(t, comm(aux), is, capMask(), "CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd")
	if ids := strings.Fields(is["Uid"]); strings.Join(ids, " ") != "65534 65534 65534 65534" || is["Groups"] != "" || is["NoNewPrivs"] != "1" {
		t.Errorf("user %v, groups %q, NoNewPrivs %s", ids, is["Groups"], is["NoNewPrivs"])
	}
}

// auxOf is the aux role of a daemon.
func auxOf(t *testing.T, d *lab.Daemon) int {
	t.Helper()
	var found []int
	for _, child := range children(familyOf(d).supervisor) {
		if strings.HasSuffix(comm(child), "-aux") {
			found = append(found, child)
		}
	}
	if len(found) != 1 {
		t.Fatalf("aux processes: %v", found)
	}
	return found[0]
}
