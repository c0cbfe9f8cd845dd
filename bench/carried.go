package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"holdfast.dev/internal/certs"
	"holdfast.dev/transport"
)

// carried measures what many virtual routers take whose adverts go over one connection, beside as many that have protocol 112: each link's
// routers have a number of their own (transport_id), and all the same two addresses.
func (b *bench) carried() error {
	for _, count := range []int{250, 1000} {
		for _, name := range b.ways {
			if err := b.carriedBy(name, count); err != nil {
				return fmt.Errorf("%d over %s: %w", count, name, err)
			}
		}
	}
	return nil
}

// wayNames are the transports, in the order in which they are measured.
var wayNames = []string{"ip", "udp", "tcp", "tls"}

func (b *bench) carriedBy(name string, count int) error {
	const every = 100 * time.Millisecond
	s := b.sides[1]
	files, err := b.carriedFiles(name, count, every)
	if err != nil {
		return err
	}
	w, err := newWorld(files[0].links())
	if err != nil {
		return err
	}
	defer w.close()
	begin := time.Now().UnixNano()
	if err := b.start(w.nodes[0], s, files[0]); err != nil {
		return err
	}
	all := func(n *node) bool { return len(n.watch.came(begin)) == count }
	if err := await("the first node has all addresses", time.Minute, func() bool { return all(w.nodes[0]) }); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	if err := b.start(w.nodes[1], s, files[1]); err != nil {
		return err
	}
	time.Sleep(10 * time.Second) // the heap, too, has its size by then
	return b.watchCarried(w, s, name+", "+instances(count)+" every "+every.String())
}

// carriedFiles are those of the two sides.
func (b *bench) carriedFiles(name string, count int, every time.Duration) (files [2]*file, err error) {
	own, dir := [2]string{"10.0.0.1", "10.0.0.2"}, ""
	if name == transport.TLS.String() {
		if dir, err = b.certificates(own[:]...); err != nil {
			return files, err
		}
	}
	for i := range files {
		f := &file{priority: both, interval: every, count: count}
		f.ofLink = func(link int) []string {
			if name == transport.IP.String() { // each link has addresses of its own
				return []string{"unicast_src_ip 10." + strconv.Itoa(link) + ".0." + strconv.Itoa(1+i), "unicast_peer {\n\t\t10." + strconv.Itoa(link) + ".0." + strconv.Itoa(2-i) + "\n\t}"}
			}
			return []string{"unicast_src_ip " + own[i], "unicast_peer {\n\t\t" + own[1-i] + "\n\t}", "transport " + name, "transport_id " + strconv.Itoa(link)}
		}
		if dir != "" {
			f.lines = certs.Lines(dir, i)
		}
		files[i] = f
	}
	return files, nil
}

// watchCarried follows the two for the window.
func (b *bench) watchCarried(w *world, s *side, what string) error {
	var before, after [2]usage
	var counts [2][]connection
	var err error
	for i, n := range w.nodes {
		if before[i], err = n.usage(); err != nil {
			return err
		}
	}
	if counts[0], err = w.nodes[1].connections(); err != nil {
		return err
	}
	begin := time.Now()
	time.Sleep(b.window(b.scaleWindow))
	took := time.Since(begin)
	for i, n := range w.nodes {
		if after[i], err = n.usage(); err != nil {
			return err
		}
	}
	if counts[1], err = w.nodes[1].connections(); err != nil {
		return err
	}
	const group = "adverts of many instances over one connection"
	add := func(of, unit string, v float64) *row { return b.report.add(group, what+": "+of, unit, s.name, v) }
	for i, who := range []string{"master", "backup"} {
		add("processor time of the "+who, "%", 100*(after[i].cpu-before[i].cpu).Seconds()/took.Seconds())
		add("memory of the "+who, "MiB", float64(after[i].pss)/(1<<20))
	}
	add("false take-overs", "", float64(len(w.nodes[1].watch.came(begin.UnixNano()))))
	for i := range min(len(counts[0]), len(counts[1])) {
		add("adverts that came too late", "", float64(counts[1][i].Stale-counts[0][i].Stale))
		add("adverts heard a second", "", float64(counts[1][i].Received-counts[0][i].Received)/took.Seconds())
	}
	return nil
}

// connection is what a daemon tells of a peer.
type connection struct {
	Received uint64 `json:"adverts_received"`
	Stale    uint64 `json:"adverts_stale"`
}

// connections asks the daemon of a node.
func (n *node) connections() ([]connection, error) {
	out, err := exec.Command(n.daemon.side.path, "status", "--format", "json", "-p", n.daemon.pid).Output()
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	var told struct{ Connections []connection }
	if err := json.Unmarshal(out, &told); err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	return told.Connections, nil
}
