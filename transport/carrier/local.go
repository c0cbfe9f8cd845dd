package carrier

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast.dev/transport"
	"holdfast.dev/transport/local"
)

// direct is the socket to the vrrp role. Sending never waits: what does not fit is lost, and told when there is room.
type direct struct {
	mu   sync.Mutex
	file *os.File // nil for none
	raw  syscall.RawConn
	lost [transport.TLS + 1][2]uint64 // adverts that were lost and not told of, by kind and family
	all  uint64
	buf  []byte
}

// meet takes a new socket in place of the one before.
func (d *direct) meet(f *os.File) (*os.File, syscall.RawConn, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	_ = f.Close()
	if err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, nil, err
	}
	own := os.NewFile(uintptr(fd), "vrrp socket")
	raw, err := own.SyscallConn()
	if err != nil {
		_ = own.Close()
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		_ = d.file.Close()
	}
	d.file, d.raw, d.lost = own, raw, [transport.TLS + 1][2]uint64{}
	return own, raw, nil
}

// gone forgets a socket that has ended.
func (d *direct) gone(f *os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file == f {
		d.file, d.raw = nil, nil
	}
	_ = f.Close()
}

// shut ends the socket.
func (d *direct) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		_ = d.file.Close() // its hearer ends
	}
	d.file, d.raw = nil, nil
}

func (d *direct) lostCount() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all
}

// send sends one message.
func (d *direct) send(m *local.Msg) {
	o := d.begin()
	o.add(m)
	o.flush()
}

// outward is a datagram in the making.
type outward struct {
	d       *direct
	buf     []byte
	adverts [transport.TLS + 1][2]uint64
}

var outwards = sync.Pool{New: func() any { return &outward{buf: make([]byte, 0, local.MaxDatagram)} }}

// begin makes an empty datagram. It is over with flush.
func (d *direct) begin() *outward {
	o := outwards.Get().(*outward)
	o.d, o.buf, o.adverts = d, o.buf[:0], [transport.TLS + 1][2]uint64{}
	return o
}

// datagram is how much is put into one. The socket holds several of them.
const datagram = 8 << 10

func (o *outward) add(m *local.Msg) {
	if len(o.buf) >= datagram {
		o.push()
	}
	o.buf = local.Append(o.buf, m)
	if m.Type == local.Received {
		o.adverts[m.Kind][family(m.IPv6)]++
	}
}

// flush sends what there is.
func (o *outward) flush() {
	o.push()
	outwards.Put(o)
}

func (o *outward) push() {
	if len(o.buf) > 0 {
		o.d.put(o.buf, &o.adverts)
	}
	o.buf, o.adverts = o.buf[:0], [transport.TLS + 1][2]uint64{}
}

// put hands a datagram to the kernel.
func (d *direct) put(b []byte, adverts *[transport.TLS + 1][2]uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.raw == nil {
		return // nobody is there to hear
	}
	if err := d.write(b); err != nil {
		for k := range adverts {
			for f, n := range adverts[k] {
				d.lost[k][f] += n
				d.all += n
			}
		}
		return
	}
	d.tellLost()
}

// tellLost says how many adverts were lost before.
func (d *direct) tellLost() {
	for k := range d.lost {
		for f, n := range d.lost[k] {
			if n == 0 {
				continue
			}
			m := local.Msg{Type: local.Overrun, Kind: transport.Kind(k), IPv6: f == 1, Count: local.Counts{Overrun: n}}
			d.buf = local.Append(d.buf[:0], &m)
			if d.write(d.buf) != nil {
				return
			}
			d.lost[k][f] = 0
		}
	}
}

func (d *direct) write(b []byte) (err error) {
	fault := d.raw.Control(func(fd uintptr) {
		for {
			_, err = unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	return errors.Join(fault, err)
}

// hear reads what the vrrp role says until the socket ends. take gets one message at a time; done ends each datagram.
func hear(raw syscall.RawConn, take func(m *local.Msg), done func()) (garbage int) {
	buf := make([]byte, local.MaxDatagram)
	for {
		var n int
		var fault error
		err := raw.Read(func(fd uintptr) bool {
			for {
				n, _, fault = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
				if !errors.Is(fault, unix.EINTR) {
					return !errors.Is(fault, unix.EAGAIN)
				}
			}
		})
		if err != nil || fault != nil || n == 0 {
			return garbage
		}
		for b := buf[:n]; len(b) > 0; {
			m, rest, err := local.Next(b)
			if err != nil {
				garbage++
				break
			}
			take(&m)
			b = rest
		}
		done()
	}
}

func family(ipv6 bool) int {
	if ipv6 {
		return 1
	}
	return 0
}
