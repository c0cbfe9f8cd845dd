package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/vrrp/wire"
)

// flood is a kind of adverts that somebody on the LAN sends without end. None of them may take the master's place, and none may keep
// the backup from hearing the master: that whoever can send a higher priority wins the election lies in the protocol.
type flood struct {
	name   string
	frames []floodFrame
}

// floodFrame is an advert of a flood.
type floodFrame struct {
	from     string
	priority uint8
	spoil    func(ip []byte) // the last word on the packet; nil for nothing
}

const (
	stranger = "10.0.0.77" // not one of the routers
	highOne  = 200         // the priority of the router that is to stay master
)

// floods are the adverts that an attacker or a broken router sends: of a third router with a low priority; ones that fail a check
// and would win if they did not; and ones that bear the address of the backup and of the master.
var floods = []flood{
	{"valid, lower priority", []floodFrame{{stranger, 50, nil}}},
	{"invalid: checksum, version, TTL", []floodFrame{
		{stranger, 254, func(ip []byte) { ip[wire.IPv4Len+6] ^= 0x55 }},
		{stranger, 254, func(ip []byte) { ip[wire.IPv4Len] = 0x71 }},
		{stranger, 254, func(ip []byte) { ip[8], ip[10] = 254, ip[10]+1 }},
	}},
	{"forged: from the backup, from the master", []floodFrame{{"10.0.0.2", 50, nil}, {"10.0.0.1", 255, nil}}},
}

// frame is the whole frame, for the one virtual router of a file.
func (f floodFrame) frame(every time.Duration) ([]byte, error) {
	src, dst := netip.MustParseAddr(f.from), netip.MustParseAddr("224.0.0.18")
	tmpl, err := wire.NewTemplate(wire.Params{
		Version: wire.V3, VRID: 1, Interval: every, Addrs: []netip.Addr{netip.MustParseAddr(vip(0, 1))},
		Sum: wire.DefaultForm(wire.V3, false),
	})
	if err != nil {
		return nil, err
	}
	msg, err := tmpl.Append(nil, f.priority, src, dst)
	if err != nil {
		return nil, err
	}
	ip, err := wire.AppendIPv4(nil, &wire.IPv4{Protocol: wire.ProtoVRRP, TTL: 255, Src: src, Dst: dst}, len(msg))
	if err != nil {
		return nil, err
	}
	ip = append(ip, msg...)
	if f.spoil != nil {
		f.spoil(ip)
	}
	return append([]byte{1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 77, 8, 0}, ip...), nil
}

// floodAll measures the highest rate of each flood at which the adverts stay on time and the master stays master.
func (b *bench) floodAll() error {
	for _, f := range floods {
		for _, s := range b.sides {
			if err := b.flood(s, f); err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, f.name, err)
			}
		}
	}
	return nil
}

// Limits of the search, in adverts a second.
const (
	floodFirst = 8000
	floodLeast = 250
	floodSteps = 3 // halvings, on a logarithmic scale, of what lies between the last rate that it stood and the first that it did not
)

func (b *bench) flood(s *side, f flood) error {
	const every = 100 * time.Millisecond
	w, err := newWorld(1)
	if err != nil {
		return err
	}
	defer w.close()
	low := &file{priority: both, interval: every, count: 1, preempt: true}
	high := *low
	high.priority = highOne
	if err := b.pairOf(w, s, &high, low); err != nil {
		return err
	}
	var frames [][]byte
	for _, x := range f.frames {
		frame, err := x.frame(every)
		if err != nil {
			return err
		}
		frames = append(frames, frame)
	}
	rate, all, err := highest(func(rate float64) (sent float64, stood bool, err error) {
		for range 2 { // once may be the machine's fault
			if err := w.agreed(w.nodes[0], low); err != nil {
				return 0, false, err
			}
			sent, stood, err = b.floodOnce(w, low, frames, rate)
			if stood || err != nil {
				break
			}
		}
		return sent, stood, err
	})
	if errors.Is(err, errLate) {
		b.report.trouble("%s, flood (%s): %v", s.name, f.name, err)
	} else if err != nil {
		return err
	}
	x := b.report.add("flood that adverts every 100ms and the master withstand (more is better)", f.name, "adverts/s", s.name, rate)
	x.More = true
	if all {
		x.note(s.name, "withstood all that could be sent")
	}
	return nil
}

// highest searches for the highest rate that is stood, by doubling from the first, or halving, and then between the two. all is
// true if it was not the try that set the limit but how much can be sent.
func highest(try func(rate float64) (sent float64, stood bool, err error)) (best float64, all bool, err error) {
	rate, bad := float64(floodFirst), 0.0
	for bad == 0 || best == 0 {
		sent, stood, err := try(rate)
		switch {
		case err != nil:
			return best, false, err
		case !stood && rate <= floodLeast:
			return 0, false, nil
		case !stood:
			bad, rate = min(rate, sent), rate/2
		case sent < 0.9*rate:
			return max(best, sent), true, nil
		default:
			best, rate = max(best, sent), 2*rate
		}
	}
	for range floodSteps {
		rate := math.Sqrt(best * bad)
		sent, stood, err := try(rate)
		switch {
		case err != nil:
			return best, false, err
		case !stood:
			bad = min(rate, sent)
		case sent < 0.9*rate: // more can't be sent
			return max(best, sent), true, nil
		default:
			best = max(best, sent)
		}
	}
	return best, false, nil
}

// floodOnce floods both routers and reports at which rate, and whether they took no notice: the master was never silent for more
// than one and a half intervals, and the backup said nothing.
func (b *bench) floodOnce(w *world, f *file, frames [][]byte, rate float64) (sent float64, stood bool, err error) {
	begin := time.Now()
	n, err := w.inject(b.window(2*time.Second), rate, frames)
	if err != nil {
		return 0, false, err
	}
	sent = float64(n) / time.Since(begin).Seconds()
	time.Sleep(f.down()) // what the backup believes now shows itself
	end := time.Now()
	times := []int64{begin.UnixNano()}
	for _, a := range w.cap.since(0, begin.UnixNano()) {
		times = append(times, a.at)
	}
	longest := int64(0)
	for i, at := range append(times[1:], end.UnixNano()) {
		longest = max(longest, at-times[i])
	}
	usurped := w.cap.masters(1, begin.UnixNano()) > 0
	w.cap.forget()
	time.Sleep(2 * f.interval) // something to agree on
	return sent, !usurped && longest <= int64(f.interval)*3/2, nil
}

// inject sends frames by turns to both routers, from their ports of the bridge and therefore unheard by the capture, at a rate for
// each of them, for a time. It returns how many went to each.
func (w *world) inject(d time.Duration, rate float64, frames [][]byte) (sent int, err error) {
	var to []*unix.SockaddrLinklayer
	for index := range w.ports {
		to = append(to, &unix.SockaddrLinklayer{Ifindex: index})
	}
	slices.SortFunc(to, func(a, b *unix.SockaddrLinklayer) int { return a.Ifindex - b.Ifindex })
	err = w.fabric.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		begin := mono()
		for now := begin; now-begin < int64(d); now = mono() {
			due := int(float64(now-begin) * rate / 1e9)
			for range min(max(due-sent, 0), 512) { // then it looks at the clock
				for _, a := range to {
					if err := unix.Sendto(fd, frames[sent%len(frames)], 0, a); err != nil && !errors.Is(err, unix.ENOBUFS) {
						return err
					}
				}
				sent++
			}
			if sent >= due {
				ts := unix.NsecToTimespec(now + int64(500*time.Microsecond))
				_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil)
			}
		}
		return nil
	})
	return sent, err
}
