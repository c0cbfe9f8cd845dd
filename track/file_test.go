package track

import "testing"

func TestParseFile(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
		ok   bool
	}{
		{"", 0, true},
		{" \n", 0, true},
		{"0", 0, true},
		{"5\n", 5, true},
		{"  -12 and more", -12, true},
		{"+7", 7, true},
		{"007", 7, true},
		{"x", 0, false},
		{"-", 0, false},
		{"- 5", 0, false},
		{"0x10", 0, true},
		{"1.9", 1, true},
		{"\x00", 0, false},
		{"99999999999999999999999", MaxValue, true},
		{"-99999999999999999999999", -MaxValue, true},
	} {
		if got, ok := ParseFile([]byte(c.text)); got != c.want || ok != c.ok {
			t.Errorf("%q: %d %v, want %d %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte("-5"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if v, ok := ParseFile(text); v > MaxValue || v < -MaxValue || !ok && v != 0 {
			t.Errorf("%q: %d %v", text, v, ok)
		}
	})
}

// Rules J11 and J12, and who waits for a first result.
func TestEffectOfFilesAndProcesses(t *testing.T) {
	file := func(v int) State { return State{Kind: OfFile, Status: Up, Value: v} }
	proc := func(s Status) State { return State{Kind: OfProcess, Status: s} }
	for _, c := range []struct {
		kind    Kind
		weight  int
		reverse bool
		state   State
		want    Effect
	}{
		{OfFile, 0, false, file(0), Effect{}},
		{OfFile, 0, false, file(-1), Effect{Fault: true}},
		{OfFile, 0, true, file(0), Effect{Fault: true}},
		{OfFile, 0, true, file(3), Effect{}},
		{OfFile, 1, false, file(-253), Effect{Delta: -253}},
		{OfFile, 1, false, file(-254), Effect{Fault: true}},
		{OfFile, 1, false, file(254), Effect{Delta: 253}},
		{OfFile, -1, false, file(254), Effect{Fault: true}},
		{OfFile, 1, true, file(254), Effect{Fault: true}},
		{OfFile, -254, true, file(-1), Effect{Fault: true}},
		{OfFile, -254, false, file(1), Effect{Fault: true}},
		{OfFile, 254, false, file(MaxValue), Effect{Delta: 253}},
		{OfFile, 254, false, file(-MaxValue), Effect{Fault: true}},
		{OfFile, 1, false, State{Kind: OfFile}, Effect{Pending: true}},
		{OfFile, 1, false, State{Kind: OfFile, Reload: true}, Effect{}},
		{OfProcess, 5, false, State{Kind: OfProcess}, Effect{Pending: true}},
		{OfProcess, 0, false, State{Kind: OfProcess}, Effect{Pending: true}},
		{OfProcess, 5, false, State{Kind: OfProcess, Reload: true}, Effect{}},
		{OfProcess, 254, false, proc(Up), Effect{Delta: 254}},
		{OfProcess, -254, false, proc(Up), Effect{}},
		{OfProcess, -254, true, proc(Down), Effect{Delta: 254}},
		{OfProcess, 0, false, proc(Down), Effect{Fault: true}},
		{OfProcess, 0, true, proc(Up), Effect{Fault: true}},
		{OfCheck, 5, false, State{Kind: OfCheck}, Effect{}},
		{OfCheck, 0, false, State{Kind: OfCheck}, Effect{Pending: true}},
	} {
		if got := (Binding{Kind: c.kind, Weight: c.weight, Reverse: c.reverse}).Effect(c.state); got != c.want {
			t.Errorf("%s weight %d reverse %v, %v: %+v, want %+v", c.kind, c.weight, c.reverse, c.state, got, c.want)
		}
	}
}
