package main

import (
	"math"
	"slices"
	"time"
)

// stat sums up values of one kind, in the unit of its row.
type stat struct {
	N      int       `json:"n"`
	P50    float64   `json:"p50"`
	P99    float64   `json:"p99"`
	Max    float64   `json:"max"`
	Min    float64   `json:"min"`
	Values []float64 `json:"values,omitempty"` // those of a few repetitions
	Note   string    `json:"note,omitempty"`
}

// keepValues is up to how many values are written out one by one.
const keepValues = 32

func sum(values []float64) *stat {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	s := &stat{
		N: len(values), P50: quantile(sorted, 0.5), P99: quantile(sorted, 0.99), Max: sorted[len(sorted)-1],
		Min: sorted[0],
	}
	if len(values) <= keepValues {
		s.Values = values
	}
	return s
}

// quantile of sorted values: the least of them that is not below the share q of all.
func quantile(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func us(d time.Duration) float64 { return float64(d) / 1e3 }
