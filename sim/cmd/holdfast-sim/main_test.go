package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast.dev/sim"
)

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	w := sim.New(sim.Draw(1, sim.Pair))
	w.Record = 1 << 20
	if f := w.Run(); f != nil {
		t.Fatal(f)
	}
	for path, data := range map[string][]byte{good: w.Recordings[0].Bytes, bad: []byte("nothing\n")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-from 1 -worlds 8 -time 1m -workers 2", 0, "8 worlds"},
		{"-seed 3 -kind pair -lines 10", 0, "go run ./sim/cmd/holdfast-sim -seed 3 -kind pair"},
		{`-seed 3 -kind default -keep 1,2 -without n3 -episodes 2 -adverts`, 0, `-keep "1,2" -episodes 2 -without n3`},
		{"-seed 3 -kind odd", 2, "no such kind"},
		{"-seed 3 -keep x", 2, "no number"},
		{"-seed x", 2, "invalid value"},
		{"odd", 2, "unexpected argument"},
		{"-replay " + good, 0, "decided as they were recorded"},
		{"-replay " + bad, 2, "no holdfast recording"},
		{"-replay " + filepath.Join(dir, "none"), 2, "no such file"},
	} {
		var out bytes.Buffer
		if code := run(strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d\n%s", c.args, code, out.String())
		}
	}
}
