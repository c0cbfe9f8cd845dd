package lab

import "time"

// Stood is for how long the machine had no time for anybody since a time, in all, as far as it is worth mentioning.
func (l *Lab) Stood(since time.Time) time.Duration { return l.meter.late(since) }
