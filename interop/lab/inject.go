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
	index, err := n.lab.fabric.Index(n.port)
	n.lab.ok(err)
	n.lab.ok(n.lab.fabric.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Ifindex: index}
		for end := time.Now().Add(d); time.Now().Before(end); {
			err := unix.Sendto(fd, frames[sent%len(frames)], 0, to)
			if err != nil && !errors.Is(err, unix.ENOBUFS) {
				return err
			}
			sent++
		}
		return nil
	}))
	n.lab.rec.note("the flood ends")
	return sent
}

// Adverts lists those of a virtual router between two times, by nodes that counted then.
func (l *Lab) Adverts(v VR, from, to time.Time) []Advert { return l.rec.advertsOf(v, from, to) }

// Stood is for how long the machine stood still since a time, in all: nobody can be on time then.
func (l *Lab) Stood(since time.Time) time.Duration { return l.meter.late(since) }

// Pids lists the processes that live in the node.
func (n *Node) Pids() []int { return n.pids() }
