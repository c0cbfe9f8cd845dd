package link

import (
	"net/netip"
	"testing"

	"holdfast.dev/vrrp/wire"
)

// BenchmarkSend is one advert onto a veth whose other end nobody listens at: our own share of sending.
func BenchmarkSend(b *testing.B) {
	lab := newPair(b)
	for _, f := range families {
		for name, dst := range map[string]netip.Addr{"multicast": f.group, "unicast": f.wideB} {
			src := f.a
			if name == "unicast" {
				src = f.wideA
			}
			out := lab.a.open(Spec{Link: linkA, Family: f.family})
			b.Run(f.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				payload := advert(51)
				for b.Loop() {
					if err := out.Send(src, dst, 255, 1, payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkReceive is one packet of a full queue, fetched and taken apart; filling the queue is not measured.
func BenchmarkReceive(b *testing.B) {
	lab := newPair(b)
	for _, f := range families {
		in := lab.b.open(Spec{Link: linkB, Family: f.family, Groups: []netip.Addr{f.group}, RcvBuf: RcvBufFor(500)})
		out := lab.a.open(Spec{Link: linkA, Family: f.family})
		for _, size := range []int{1, 32, 64} {
			b.Run(f.name+"/batch"+string(rune('0'+size/10))+string(rune('0'+size%10)), func(b *testing.B) {
				b.ReportAllocs()
				batch, payload, left := NewBatch(size), advert(51), 0
				for n := 0; n < b.N; {
					if left == 0 {
						b.StopTimer()
						for left = 0; left < 512; left++ {
							if err := out.Send(f.a, f.group, 255, 1, payload); err != nil {
								b.Fatal(err)
							}
						}
						b.StartTimer()
					}
					k, err := in.Recv(batch)
					if err != nil {
						b.Fatal(err)
					}
					for i := range k {
						if d := batch.At(i); d.Drop != wire.OK {
							b.Fatal(d.Drop)
						}
					}
					n += k
					left = max(left-k, 0)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
			})
		}
	}
}
