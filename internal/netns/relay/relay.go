// Package relay is a network between two namespaces that loses and delays packets: a kernel without netem has none.
package relay

import (
	"container/heap"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/netns"
)

// Relay carries frames between two interfaces of its own namespace. All settings may be changed at any time, and are those of each direction
// where they do not say otherwise.
type Relay struct {
	fds   [2]int
	loss  [2]atomic.Uint32 // of a thousand, of what comes from either side
	delay atomic.Int64
	hole  atomic.Bool
	Lost  atomic.Uint64 // frames
	flows flows
	done  chan struct{}
	work  sync.WaitGroup
}

// vnetHeader is what precedes each frame: without it the kernel would hand over packets whose checksums are still to be made.
const vnetHeader = 10

// New begins to carry frames between the interfaces of n, which are up.
func New(n *netns.NS, left, right string) (*Relay, error) {
	r := &Relay{done: make(chan struct{}), flows: flows{known: map[flow]bool{}, inside: Nobody}}
	for i, name := range [...]string{left, right} {
		index, err := n.Index(name)
		if err != nil {
			return nil, err
		}
		if err := n.Do(func() error {
			var err error
			r.fds[i], err = open(index)
			return err
		}); err != nil {
			return nil, err
		}
	}
	for i := range r.fds {
		line := &line{out: r.fds[1-i], wake: make(chan struct{}, 1)}
		r.work.Go(func() { r.read(Side(i), line) })
		r.work.Go(func() { r.write(line) })
	}
	return r, nil
}

func open(index int) (int, error) {
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}),
	)
	return fd, err
}

// Side is one of the two interfaces.
type Side int

// The sides, in the order of New's arguments.
const (
	Left Side = iota
	Right
	Nobody Side = -1
)

// SetLoss makes frames get lost, so many of a thousand.
func (r *Relay) SetLoss(perMille int) {
	r.SetLossFrom(Left, perMille)
	r.SetLossFrom(Right, perMille)
}

// SetLossFrom makes frames get lost that come from one side.
func (r *Relay) SetLossFrom(from Side, perMille int) { r.loss[from].Store(uint32(perMille)) }

// SetDelay makes frames take so long.
func (r *Relay) SetDelay(d time.Duration) { r.delay.Store(int64(d)) }

// SetHole makes all frames get lost, or lets them through again.
func (r *Relay) SetHole(on bool) { r.hole.Store(on) }

// Close ends the relay.
func (r *Relay) Close() {
	close(r.done)
	r.work.Wait()
	for _, fd := range r.fds {
		_ = unix.Close(fd)
	}
}

// line is what is under way in one direction.
type line struct {
	out  int
	mu   sync.Mutex
	list frames
	wake chan struct{}
	n    uint64
}

type frame struct {
	at   time.Time
	n    uint64 // frames of one moment keep their order
	data []byte
}

type frames []frame

func (f frames) Len() int { return len(f) }
func (f frames) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].n < f[j].n
}
func (f frames) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *frames) Push(x any)   { *f = append(*f, x.(frame)) }
func (f *frames) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}

func (r *Relay) read(from Side, l *line) {
	fd := r.fds[from]
	buf := make([]byte, 1<<17)
	for {
		select {
		case <-r.done:
			return
		default:
		}
		n, err := unix.Read(fd, buf)
		if err != nil || n <= vnetHeader {
			continue
		}
		if r.hole.Load() || rand.Uint32N(1000) < r.loss[from].Load() || !r.flows.pass(from, buf[vnetHeader:n]) {
			r.Lost.Add(1)
			continue
		}
		l.mu.Lock()
		l.n++
		heap.Push(&l.list, frame{time.Now().Add(time.Duration(r.delay.Load())), l.n, append([]byte(nil), buf[:n]...)})
		l.mu.Unlock()
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (r *Relay) write(l *line) {
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		l.mu.Lock()
		next := time.Hour
		for len(l.list) > 0 {
			if next = time.Until(l.list[0].at); next > 0 {
				break
			}
			f := heap.Pop(&l.list).(frame)
			_, _ = unix.Write(l.out, f.data)
			next = time.Hour
		}
		l.mu.Unlock()
		t.Reset(next)
		select {
		case <-t.C:
		case <-l.wake:
		case <-r.done:
			return
		}
	}
}
