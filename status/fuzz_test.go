package status

import "testing"

// FuzzPage: the page is memory that another process writes to, and that may have died while it did. Whatever stands there, reading ends and
// gives something that can be shown and resumed from.
func FuzzPage(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 'A'}, uint32(64))
	f.Fuzz(func(t *testing.T, junk []byte, at uint32) {
		mem := make([]byte, Size)
		p, err := Open(mem)
		if err != nil {
			t.Fatal(err)
		}
		var r Record
		p.Put(0, &r)
		p.Put(1, &r)
		copy(mem[int(at)%(1<<14):], junk) // the header and the first slots
		top := p.Top()
		if top < 0 || top > Slots {
			t.Fatalf("%d slots", top)
		}
		for i := range min(top, 8) {
			if p.Get(i, &r) {
				s := r.Status()
				_ = s.State.String()
				_ = r.Resume()
			}
		}
		_, _, _ = p.Beat(), p.PID(), p.Malformed()
		_, _ = p.Lateness()
		copy(mem[movesAt+int(at)%(1<<12):], junk)
		copy(mem[sourcesAt+int(at)%(1<<12):], junk)
		var m Move
		for id := uint64(0); id < 8; id++ {
			_ = p.Move(id, &m)
		}
		_ = p.Move(p.LastMove(), &m)
		for i := range min(p.TopSource(), 8) {
			_, _, _ = p.Source(i)
		}
	})
}
