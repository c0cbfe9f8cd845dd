package lab

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Inject sends frames to the node by turns, for a time and as fast as one thread can, and returns how many it sent. They
// come out of the node's port of the bridge: nobody else hears them, and a Scene does not count them.
func (n *Node) Inject(d time.Duration, frames ...[]byte) (sent int) {
	n.lab.T.Helper()
	n.lab.rec.note("a flood reaches %s", n.Name)
	n.give(func(send func([]byte) error) error {
		for end := time.Now().Add(d); time.Now().Before(end); {
			if err := send(frames[sent%len(frames)]); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return err
			}
			sent++
		}
		return nil
	})
	n.lab.rec.note("the flood ends")
	return sent
}

// Give sends frames to the node, each once, in the same way.
func (n *Node) Give(frames ...[]byte) {
	n.lab.T.Helper()
	n.give(func(send func([]byte) error) error {
		for _, f := range frames {
			if err := send(f); err != nil {
				return err
			}
		}
		return nil
	})
}

// give opens a socket at the node's port of the bridge.
func (n *Node) give(with func(send func([]byte) error) error) {
	n.lab.T.Helper()
	index, err := n.lab.fabric.Index(n.port)
	n.lab.ok(err)
	n.lab.ok(n.lab.fabric.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Ifindex: index}
		return with(func(frame []byte) error { return unix.Sendto(fd, frame, 0, to) })
	}))
}

// Adverts lists those of a virtual router between two times, by nodes that counted then.
func (l *Lab) Adverts(v VR, from, to time.Time) []Advert { return l.rec.advertsOf(v, from, to) }

// Stood is for how long the machine stood still since a time, in all: nobody can be on time then.
func (l *Lab) Stood(since time.Time) time.Duration { return l.meter.late(since) }

// Pids lists the processes that live in the node.
func (n *Node) Pids() []int { return n.pids() }
