package track

import "testing"

// Rules J1, J9, J10 and P10, a row per binding.
func TestEffect(t *testing.T) {
	for _, c := range []struct {
		weight  int
		reverse bool
		status  Status
		reload  bool
		want    Effect
	}{
		{0, false, Unknown, false, Effect{Pending: true}},
		{0, false, Unknown, true, Effect{}},
		{0, false, Up, false, Effect{}},
		{0, false, Down, false, Effect{Fault: true}},
		{0, true, Unknown, false, Effect{Pending: true}},
		{0, true, Up, false, Effect{Fault: true}},
		{0, true, Down, false, Effect{}},
		{10, false, Unknown, false, Effect{}},
		{10, false, Up, false, Effect{Delta: 10}},
		{10, false, Down, false, Effect{}},
		{10, true, Unknown, false, Effect{}},
		{10, true, Up, false, Effect{Delta: -10}},
		{10, true, Down, false, Effect{}},
		{-10, false, Unknown, false, Effect{}},
		{-10, false, Up, false, Effect{}},
		{-10, false, Down, false, Effect{Delta: -10}},
		{-10, true, Up, false, Effect{}},
		{-10, true, Down, false, Effect{Delta: 10}},
	} {
		if got := (Binding{Weight: c.weight, Reverse: c.reverse}).Effect(State{Status: c.status, Reload: c.reload}); got != c.want {
			t.Errorf("weight %d reverse %v %v reload %v: %+v, want %+v", c.weight, c.reverse, c.status, c.reload, got, c.want)
		}
	}
}
