package role

import "testing"

// TestPing: whoever receives answers questions without noticing, in their place among other messages, also while nothing else comes.
func TestPing(t *testing.T) {
	a, b := ends(t)
	for _, m := range []Msg{{Ping: &Gen{Gen: 7}}, {Commit: &Gen{Gen: 1}}, {Ping: &Gen{Gen: 8}}, {Abort: &Gen{Gen: 2}}} {
		if err := a.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	if m := recv(t, b); m.Commit == nil {
		t.Fatalf("%+v", m)
	}
	if m := recv(t, a); m.Pong == nil || m.Pong.Gen != 7 {
		t.Fatalf("%+v", m)
	}
	if m := recv(t, b); m.Abort == nil {
		t.Fatalf("%+v", m)
	}
	if m := recv(t, a); m.Pong == nil || m.Pong.Gen != 8 {
		t.Fatalf("%+v", m)
	}
}
