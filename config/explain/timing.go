package explain

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/config"
)

// Skew is how much longer than the others an instance of that priority waits (rule B1).
func Skew(i *config.Instance, priority int) time.Duration {
	interval := time.Second
	if i.Version == 3 {
		interval = i.AdvertInterval
	}
	return time.Duration(256-priority) * interval / 256
}

// Down is the time of silence after which an instance of that priority takes over (rule B2). In version 3 the interval is
// that of the master that fell silent; a peer with the same file has the same.
func Down(i *config.Instance, priority int) time.Duration {
	return time.Duration(i.DownTimerAdverts)*i.AdvertInterval + Skew(i, priority)
}

// Seconds is a time for people: milliseconds are exact enough.
func Seconds(d time.Duration) string {
	s := fmt.Sprintf("%.3f", d.Round(time.Millisecond).Seconds())
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " s"
}

// Bounds are the lowest and highest priority that trackers can make of an instance (rules B5 and J1). Files can bring any
// value; they count with their value 1.
func Bounds(c *config.Config, i *config.Instance) (low, high int) {
	base := int(i.Priority)
	if i.Owner() {
		return base, base
	}
	low, high = base, base
	for _, w := range Weights(i) {
		low += min(w, 0)
		high += max(w, 0)
	}
	return max(low, 1), min(high, 254)
}

// Weights are what each weighted tracker of an instance can add or take away.
func Weights(i *config.Instance) (out []int) {
	add := func(w int, reverse bool) {
		if reverse {
			w = -w
		}
		if w != 0 {
			out = append(out, w)
		}
	}
	for _, t := range i.Track.Interfaces {
		add(t.Weight, t.Reverse)
	}
	for _, t := range i.Track.Scripts {
		add(t.Weight, t.Reverse)
	}
	for _, t := range i.Track.Others {
		add(int(t.Weight), t.Reverse)
	}
	return out
}
