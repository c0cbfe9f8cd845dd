package lab

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// meter notices when the machine has no time for anybody: a goroutine that sleeps, and looks how long it really was.
type meter struct {
	done sync.WaitGroup

	mu     sync.Mutex
	stalls []stall
}

// stall is a sleep that ended too late.
type stall struct {
	at   time.Time
	over time.Duration
}

const (
	meterEvery = 20 * time.Millisecond
	meterFrom  = 10 * time.Millisecond  // less than that is nobody's excuse
	meterTell  = 100 * time.Millisecond // less than that no scenario notices at once
)

func startMeter(ctx context.Context) *meter {
	m := &meter{}
	m.done.Go(func() {
		for ctx.Err() == nil {
			begin := time.Now()
			time.Sleep(meterEvery)
			if over := time.Since(begin) - meterEvery; over > meterFrom {
				m.mu.Lock()
				m.stalls = append(m.stalls, stall{time.Now(), over})
				m.mu.Unlock()
			}
		}
	})
	return m
}

// late is for how long the machine stood still since a time, in all.
func (m *meter) late(since time.Time) (sum time.Duration) {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.stalls {
		if s.at.After(since) {
			sum += s.over
		}
	}
	return sum
}

// story lists the stalls, for the log of a test that failed.
func (m *meter) story() (text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.stalls {
		if s.over < meterTell {
			continue
		}
		text += fmt.Sprintf("until %s this machine stood still for %v\n", clock(s.at), s.over.Round(time.Millisecond))
	}
	return text
}
