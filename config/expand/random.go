package expand

// random is the additive feedback generator of C's random(3) in its default state of 31 words, so that a
// configuration with random_seed gives the numbers that keepalived gives.
type random struct {
	state [31]uint32
	at    int
}

// seed starts the generator; 0 counts as 1.
func (r *random) seed(seed uint32) {
	if seed == 0 {
		seed = 1
	}
	word := int64(int32(seed))
	for i := range r.state {
		r.state[i] = uint32(word)
		word = 16807*(word%127773) - 2836*(word/127773)
		if word < 0 {
			word += 1<<31 - 1
		}
	}
	r.at = 0
	for range 310 {
		r.next()
	}
}

// next is a number from 0 to 2^31-1.
func (r *random) next() uint32 {
	r.state[(r.at+3)%31] += r.state[r.at]
	v := r.state[(r.at+3)%31]
	r.at = (r.at + 1) % 31
	return v >> 1
}
