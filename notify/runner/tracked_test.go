package runner

import (
	"testing"

	"holdfast.dev/status"
	"holdfast.dev/track"
)

// Every tracked script has a place of its own, which another one gets when a configuration does not name it any more.
func TestShowTracked(t *testing.T) {
	runs, err := status.OpenRuns(make([]byte, status.RunsSize))
	if err != nil {
		t.Fatal(err)
	}
	runs.PutResult(5, &track.Report{State: track.State{Source: "of a former process"}})
	shown := showTracked(runs)
	show := func(name string, run uint64) {
		shown.show(name, &track.Report{State: track.State{Source: name}, Last: track.Ended{Run: run}})
	}
	show("a", 1)
	show("b", 1)
	show("a", 2)
	if all := runs.AllResults(); len(all) != 2 || all[track.ID{Name: "a"}].Last.Run != 2 {
		t.Errorf("%+v", all)
	}
	shown.keep([]track.Spec{{Name: "b"}})
	if all := runs.AllResults(); len(all) != 1 || all[track.ID{Name: "b"}].Last.Run != 1 {
		t.Errorf("%+v", all)
	}
	show("c", 3)
	if first, ok := runs.Result(0); !ok || first.State.Source != "c" || shown.top != 2 {
		t.Errorf("%+v, %d places", first, shown.top)
	}
}
