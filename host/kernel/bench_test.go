package kernel

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
	"holdfast.dev/internal/netns/nstest"
)

// BenchmarkThousandAddresses adds and deletes 1,000 addresses, as a take-over and its end do. cpu-ms is all CPU time of the
// process, the kernel's part included; longest-ms the longest time between two of the Writer's breaths.
func BenchmarkThousandAddresses(b *testing.B) {
	a, _ := nstest.Pair(b)
	final := make(chan uint64, 1)
	var w *Writer
	var longest time.Duration
	last := time.Now()
	report := func(rep host.Report) {
		longest, last = max(longest, time.Since(last)), time.Now()
		for _, x := range rep.Applied {
			for _, res := range x.Results {
				if res.Err != "" {
					b.Error(res.Err)
				}
			}
			if x.Final {
				final <- x.Gen
			}
		}
	}
	nstest.Do(b, a, func() {
		var err error
		w, err = Open(Config{Report: report})
		nstest.OK(b, err)
	})
	w.Start()
	defer func() { nstest.OK(b, w.Close()) }()
	full := thousand()
	var adding, deleting time.Duration
	apply := func(gen uint64, s host.State) time.Duration {
		start := time.Now()
		w.Want(1, gen, s)
		for <-final != gen {
		}
		return time.Since(start)
	}
	apply(1, host.State{})
	before := cpu(b)
	b.ResetTimer()
	for i := range b.N {
		last = time.Now()
		adding += apply(uint64(2*i+2), full)
		deleting += apply(uint64(2*i+3), host.State{})
	}
	b.StopTimer()
	n := float64(b.N) * float64(time.Millisecond)
	b.ReportMetric(float64(adding)/n, "adding-ms/op")
	b.ReportMetric(float64(deleting)/n, "deleting-ms/op")
	b.ReportMetric(float64(cpu(b)-before)/n, "cpu-ms/op")
	b.ReportMetric(float64(longest)/float64(time.Millisecond), "longest-ms")
}

func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	nstest.OK(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
