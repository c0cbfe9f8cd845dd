package sim

import (
	"math/rand/v2"
	"testing"
	"time"

	"holdfast.dev/clock"
)

// A clock that runs at its own rate shows what it should, never goes back, and a timer that is set by it wakes at the first instant at which it
// shows so much.
func TestClocksDrift(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 2))
	for _, rate := range rates {
		c := clocks{mono: 5e9, boot: 6e9, wall: 7e9, rate: int64(rate)}
		then := c.now(beginning)
		for range 1000 {
			at := beginning + clock.Instant(d.Int64N(int64(time.Hour)))
			now := c.now(at)
			if gained := now.Mono.Sub(then.Mono) - at.Sub(beginning); gained != at.Sub(beginning)*time.Duration(rate)/million {
				t.Fatalf("rate %d: it gains %v in %v", rate, gained, at.Sub(beginning))
			}
			if now.Boot-now.Mono != then.Boot-then.Mono || now.Wall-int64(now.Mono) != then.Wall-int64(then.Mono) {
				t.Fatal("the clocks of one machine run apart")
			}
			if back := c.now(at + 1); back.Mono < now.Mono {
				t.Fatal("it goes back")
			}
			w := c.world(now.Mono)
			if c.now(w).Mono < now.Mono || c.now(w-1).Mono >= now.Mono && c.now(w-2).Mono >= now.Mono {
				t.Fatalf("rate %d: shows %d at %d, and %d just before", rate, c.now(w).Mono, w, c.now(w-1).Mono)
			}
		}
	}
}
