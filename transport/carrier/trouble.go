package carrier

import (
	"fmt"
	"sync"
	"time"

	"holdfast.dev/supervisor/role"
)

// teller writes lines for the log: of one kind of trouble one in a while, with how many there were in between.
type teller struct {
	ctl  *role.Conn
	mu   sync.Mutex
	told map[string]*telling
}

type telling struct {
	last    time.Time
	omitted int
}

// maxKinds bounds the memory for kinds of trouble. They are few and known; a peer's address may be part of one.
const maxKinds = 4096

func newTeller(ctl *role.Conn) *teller { return &teller{ctl: ctl, told: map[string]*telling{}} }

// Levels of log/slog.
const (
	info    = 0
	warning = 4
	failure = 8
)

func (t *teller) say(level int, format string, args ...any) {
	t.write(level, fmt.Sprintf(format, args...))
}

func (t *teller) write(level int, text string) {
	_ = t.ctl.Send(role.Msg{Log: &role.Log{Level: level, Text: text, At: time.Now().UnixNano()}})
}

// complain says it, unless something of that kind was said just now.
func (t *teller) complain(kind, format string, args ...any) {
	t.mu.Lock()
	k := t.told[kind]
	if k == nil {
		if len(t.told) >= maxKinds {
			clear(t.told)
		}
		k = &telling{}
		t.told[kind] = k
	}
	if now := time.Now(); now.Sub(k.last) < sayEvery {
		k.omitted++
		t.mu.Unlock()
		return
	} else {
		k.last = now
	}
	omitted := k.omitted
	k.omitted = 0
	t.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if omitted > 0 {
		text += fmt.Sprintf(" (and %d more like it)", omitted)
	}
	t.write(warning, text)
}

// bucket is a limit on how often something happens. It is guarded by its owner.
type bucket struct {
	perSec, most float64
	level        float64
	at           time.Time
}

func newBucket(most, perSec float64) bucket {
	return bucket{perSec: perSec, most: most, level: most, at: time.Now()}
}

// take reports whether n more may happen now.
func (b *bucket) take(now time.Time, n float64) bool {
	b.level = min(b.most, b.level+b.perSec*now.Sub(b.at).Seconds())
	b.at = now
	if b.level < n {
		return false
	}
	b.level -= n
	return true
}
