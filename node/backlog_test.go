package node

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	_ "holdfast.dev/internal/steady" // the same on CI every time
	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
)

func event(name string, seq uint64) notify.Event {
	return notify.Event{Object: notify.Instance, Name: name, Seq: seq, State: notify.Master}
}

func drain(b *backlog) (seqs []uint64) {
	for _, ev := range b.take(nil, maxBacklog*2) {
		seqs = append(seqs, ev.Seq)
	}
	return seqs
}

// TestBacklogAgainstAModel: whatever is pushed, taken, acknowledged and taken anew, the order stays and nothing is told that was dealt with.
func TestBacklogAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b backlog
		var model []notify.Event // all that was not delivered
		sent := 0                // of them
		seq := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				seq++
				ev := event(rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "name"), seq)
				b.push(ev)
				model = append(model, ev)
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(0, 4).Draw(t, "n")
				for _, ev := range b.take(nil, n) {
					if sent >= len(model) || model[sent] != ev {
						t.Fatalf("took %v", ev)
					}
					sent++
				}
			},
			"deliver": func(t *rapid.T) {
				d := role.Delivered{Object: notify.Instance, Name: rapid.SampledFrom([]string{"A", "B", "Z"}).Draw(t, "name")}
				d.Seq = rapid.Uint64Range(0, seq).Draw(t, "seq")
				b.delivered(&d)
				var kept []notify.Event
				told := sent
				for i, ev := range model {
					if ev.Name != d.Name || ev.Seq > d.Seq {
						kept = append(kept, ev)
					} else if i < sent {
						told--
					}
				}
				model, sent = kept, told
			},
			"rewind": func(*rapid.T) { b.rewind(); sent = 0 },
			"": func(t *rapid.T) {
				if b.len() != len(model) {
					t.Fatalf("%d wait, want %d", b.len(), len(model))
				}
			},
		})
		for _, ev := range model[sent:] {
			if got := b.take(nil, 1); len(got) != 1 || got[0] != ev {
				t.Fatalf("got %v, want %v", got, ev)
			}
		}
	})
}

// TestBacklogIsBounded: with a runner that never acknowledges, the oldest that was superseded goes, and the last of an object never.
func TestBacklogIsBounded(t *testing.T) {
	var b backlog
	b.push(event("quiet", 1))
	for seq := uint64(2); seq < maxBacklog+1000; seq++ {
		b.push(event(fmt.Sprint(seq%7), seq))
		if seq%3 == 0 {
			b.take(nil, 2)
		}
	}
	if b.len() != maxBacklog || b.dropped != 999 {
		t.Fatalf("%d wait, %d dropped", b.len(), b.dropped)
	}
	b.rewind()
	got := drain(&b)
	if len(got) != maxBacklog || got[0] != 1 || got[1] != 1001 {
		t.Fatalf("%d events, the first are %v", len(got), got[:3])
	}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Fatalf("%d after %d", got[i], got[i-1])
		}
	}
	b.clear()
	if b.len() != 0 || b.dropped != 999 || b.take(nil, 1) != nil {
		t.Error("not cleared")
	}
}

func BenchmarkBacklog(b *testing.B) {
	var q backlog
	for seq := uint64(1); seq <= maxBacklog; seq++ {
		q.push(event(fmt.Sprint(seq%4000), seq))
	}
	var buf []notify.Event
	seq := uint64(maxBacklog)
	for b.Loop() {
		seq++
		q.push(event(fmt.Sprint(seq%4000), seq))
		buf = q.take(buf[:0], 1)
		q.delivered(&role.Delivered{Object: notify.Instance, Name: fmt.Sprint(seq % 4000), Seq: seq - 4000})
	}
}
