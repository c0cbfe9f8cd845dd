package schema

// chunk is how many nodes or values are allocated together.
const chunk = 256

// arena hands out pieces of chunks, and takes back what it has handed out since a mark.
type arena[T any] struct {
	chunk []T // the one in use
	used  int
	at    int   // how much of its chunk was in use at the mark
	full  [][]T // chunks that were filled since the mark, the first being that of the mark
	spare [][]T
}

// take is a piece of n elements. What is in them is whatever was there before.
func (a *arena[T]) take(n int) []T {
	if len(a.chunk)-a.used < n {
		a.grow(n)
	}
	a.used += n
	return a.chunk[a.used-n : a.used : a.used]
}

func (a *arena[T]) grow(n int) {
	if a.chunk != nil {
		a.full = append(a.full, a.chunk)
	}
	a.used = 0
	if k := len(a.spare); k > 0 && n <= chunk {
		a.chunk, a.spare = a.spare[k-1], a.spare[:k-1]
		return
	}
	a.chunk = make([]T, max(n, chunk))
}

func (a *arena[T]) mark() { a.full, a.at = a.full[:0], a.used }

// drop takes back what was handed out since the mark.
func (a *arena[T]) drop() {
	if len(a.full) > 0 {
		a.spare = append(append(a.spare, a.full[1:]...), a.chunk)
		a.chunk, a.full = a.full[0], a.full[:0]
	}
	a.used = a.at
}
