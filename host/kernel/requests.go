package kernel

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

const (
	answerLimit = 10 * time.Second // an answer to a request is there when sending returns; this is for a kernel that is broken
	dumpTries   = 10               // how often a dump that was interrupted by changes is repeated
	dumpBuffer  = 64 << 10         // the kernel makes parts of a dump at most 32 KiB long
	ackBuffer   = 1 << 10
)

// requests is the socket on which we ask and command.
type requests struct {
	*sock
	strict bool
	acks   *inbox
	parts  *inbox
	out    []byte
	marks  bool // an IFA_PROTO was seen
	slice  int  // operations sent at once
	wall   func(*host.WallOp) host.OpResult

	found map[int]arpConf // by base: its settings before the first virtual link was put on it
}

func newRequests(buffer int, force bool) (*requests, error) {
	s, strict, err := dial(unix.NETLINK_ROUTE, buffer, force)
	if err != nil {
		return nil, err
	}
	return &requests{
		sock: s, strict: strict, acks: newInbox(host.MaxBatch, ackBuffer), parts: newInbox(1, dumpBuffer), slice: host.MaxBatch,
		wall: func(*host.WallOp) host.OpResult {
			return host.OpResult{Outcome: host.Refused, Text: "no firewall here"}
		},
	}, nil
}

// apply carries out ops in order, in slices between which the thread sleeps.
func (q *requests) apply(ops []host.Op, results []host.OpResult) []host.OpResult {
	for len(ops) > 0 {
		before := cpuTime()
		n := 0
		for n < min(q.slice, len(ops)) && ops[n].Link == nil && ops[n].Knob == nil && ops[n].Wall == nil {
			n++
		}
		if n > 0 {
			results = q.applyAddresses(ops[:n], results)
			q.adapt(cpuTime() - before)
		} else {
			n = max(drops(ops), 1)
			switch {
			case n > 1:
				results = q.dropLinks(ops[:n], results)
			case ops[0].Wall != nil:
				results = append(results, q.wall(ops[0].Wall))
			case ops[0].Knob != nil:
				results = append(results, q.applyKnob(&ops[0]))
			default:
				results = append(results, q.applyLink(&ops[0]))
			}
		}
		if ops = ops[n:]; len(ops) > 0 {
			sleep(breather)
		}
	}
	return results
}

// A slice should take no longer than sliceTime of the processor: with thousands of addresses on a link the kernel takes long for each,
// and at real-time priority what does not sleep is killed.
const sliceTime = time.Millisecond

// adapt makes the slices longer or shorter, depending on what the last one took.
func (q *requests) adapt(took time.Duration) {
	switch {
	case took > sliceTime:
		q.slice = max(q.slice/2, 1)
	case took < sliceTime/4:
		q.slice = min(q.slice*2, host.MaxBatch)
	}
}

// cpuTime is what the calling thread has had of the processor, in the kernel too.
func cpuTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// applyAddresses sends all ops at once and gathers the answers.
func (q *requests) applyAddresses(ops []host.Op, results []host.OpResult) []host.OpResult {
	base := q.seq + 1
	q.out = q.out[:0]
	for i := range ops {
		q.seq++
		q.out = appendOp(q.out, &ops[i], q.seq)
	}
	first := len(results)
	for range ops {
		results = append(results, host.OpResult{Outcome: host.Unknown, Text: errNoAnswer.Error()})
	}
	mine := results[first:]
	err := q.send(q.out)
	if err == nil {
		err = q.gather(base, ops, mine)
	}
	if err != nil {
		for i := range mine {
			if mine[i].Outcome == host.Unknown {
				mine[i].Text = err.Error()
			}
		}
	}
	return results
}

// gather receives one answer per op. Answers to older requests, given up on, are passed over.
func (q *requests) gather(base uint32, ops []host.Op, results []host.OpResult) error {
	for open := len(ops); open > 0; {
		n, err := q.acks.recv(q.fd)
		if err != nil {
			return fmt.Errorf("receiving answers: %w", err)
		}
		if n == 0 {
			if err := q.wait(answerLimit); err != nil {
				return err
			}
			continue
		}
		for i := range n {
			b, _ := q.acks.datagram(i)
			for m, rest, ok := next(b); ok; m, rest, ok = next(rest) {
				at := m.seq - base
				if m.typ != unix.NLMSG_ERROR || at >= uint32(len(ops)) || results[at].Outcome != host.Unknown {
					continue
				}
				results[at] = result(&ops[at], verdict(m))
				open--
			}
		}
	}
	return nil
}

// ask sends one request and hands every message of the answer to f, until the kernel says that it was the last. Interrupted
// reports that the answer is a mixture of before and after some change.
func (q *requests) ask(typ, flags uint16, body []byte, f func(message)) (interrupted bool, err error) {
	q.seq++
	seq := q.seq
	b, at := begin(q.out[:0], typ, unix.NLM_F_REQUEST|flags, seq)
	q.out = end(append(b, body...), at)
	if err := q.send(q.out); err != nil {
		return false, err
	}
	for {
		n, err := q.parts.recv(q.fd)
		if err != nil {
			return false, fmt.Errorf("receiving an answer: %w", err)
		}
		if n == 0 {
			if err := q.wait(answerLimit); err != nil {
				return false, err
			}
			continue
		}
		b, whole := q.parts.datagram(0)
		if !whole {
			return false, errors.New("receiving an answer: it is longer than 64 KiB")
		}
		for m, rest, ok := next(b); ok; m, rest, ok = next(rest) {
			if m.seq != seq {
				continue
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch {
			case m.typ == unix.NLMSG_ERROR || m.typ == unix.NLMSG_DONE:
				if r := verdict(m); r != nil {
					return interrupted, r
				}
				return interrupted, nil
			case m.typ > unix.NLMSG_OVERRUN:
				f(m)
				if m.flags&unix.NLM_F_MULTI == 0 && flags&unix.NLM_F_ACK == 0 {
					return interrupted, nil
				}
			}
		}
	}
}

// dump asks for all objects of a kind. What f does must be undone by reset, for another try.
func (q *requests) dump(typ uint16, body []byte, reset func(), f func(message)) error {
	for range dumpTries {
		reset()
		interrupted, err := q.ask(typ, unix.NLM_F_DUMP, body, f)
		if err != nil {
			return err
		}
		if !interrupted {
			return nil
		}
	}
	return fmt.Errorf("it changed %d times while it was being read", dumpTries)
}
