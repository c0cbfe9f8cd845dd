package status

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/track"
)

func TestResults(t *testing.T) {
	r, err := OpenRuns(make([]byte, RunsSize))
	if err != nil {
		t.Fatal(err)
	}
	rep := track.Report{
		State: track.State{Kind: track.OfCheck, Source: "chk"}, At: clock.Now{Mono: 5, Wall: 6}, Began: 7, Signals: 2,
		Last: track.Ended{Run: 9, Code: 3, Signal: 15, Err: "no", Took: time.Second, Output: strings.Repeat("a", MaxOutput) + "end"},
	}
	r.PutResult(Results-1, &rep)
	r.PutResult(Results, &rep)
	r.PutResult(-1, &rep)
	want := rep
	want.Last.Output = want.Last.Output[3:]
	got, ok := r.Result(Results - 1)
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if all := r.AllResults(); len(all) != 1 || all[track.ID{Kind: track.OfCheck, Name: "chk"}].Began != 7 {
		t.Errorf("%+v", all)
	}
	if _, ok := r.Result(Results); ok {
		t.Error("there is one more than there can be")
	}
	r.ClearResults()
	if _, ok := r.Result(Results - 1); ok || len(r.AllResults()) != 0 {
		t.Error("it is still there")
	}
	// The other end of the memory is not touched.
	if r.Last() != 0 || r.Run(1, new(Run)) {
		t.Error("a script was begun")
	}
}

// A reader that meets what a crashed writer has left, or nonsense, gives up.
func TestResultOfABrokenWriter(t *testing.T) {
	mem := make([]byte, RunsSize)
	r, err := OpenRuns(mem)
	if err != nil {
		t.Fatal(err)
	}
	r.PutResult(0, &track.Report{State: track.State{Source: "x"}})
	r.result(0).length = 1 << 30
	if got, ok := r.Result(0); !ok || len(got.Last.Output) != MaxOutput {
		t.Errorf("%d octets, %v", len(got.Last.Output), ok)
	}
	r.result(0).seq.Add(1)
	if got, ok := r.Result(0); ok {
		t.Errorf("read while it was written: %s", fmt.Sprint(got))
	}
}
