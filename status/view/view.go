// Package view is what the daemon tells of itself to whoever asks: the state of all virtual routers, and the latest events with the times
// of their steps, as values with a JSON form (docs/api.md) and a form for people. It is pure: what it knows comes from the
// snapshot that the dumps are made of too, and from the memory that the processes share.
package view

import (
	"time"

	"holdfast.dev/clock"
	"holdfast.dev/config"
	"holdfast.dev/status"
	"holdfast.dev/status/dump"
	"holdfast.dev/track"
)

// Source is what a Status and events are made of.
type Source struct {
	Version    string // of the program
	Generation uint64 // of the configuration
	Config     *config.Config
	Page       *status.Page
	Runs       *status.Runs
	Zone       *time.Location
	Now        clock.Now
	Troubles   []Trouble // what the self-check knows
	// Checks are what is known of the runs of built-in checks; those of scripts are in Runs.
	Checks []track.Report
}

// Status is the answer to "how are you".
type Status struct {
	Version    string     `json:"version"`
	Time       time.Time  `json:"time"`
	PID        int        `json:"pid"` // of the vrrp process
	Generation uint64     `json:"generation"`
	Instances  []Instance `json:"instances"`
	Groups     []Group    `json:"groups"`
	Trackers   []Tracker  `json:"trackers"`
	// Connections are those to peers by UDP, TCP and TLS.
	Connections []Connection `json:"connections,omitempty"`
	Troubles    []Trouble    `json:"troubles"`
	Timings     []Timing     `json:"timings"`
}

// Instance is one virtual router.
type Instance struct {
	Name             string     `json:"name"`
	Interface        string     `json:"interface"`
	VRID             uint8      `json:"vrid"`
	Family           int        `json:"family"` // 4 or 6
	Version          uint8      `json:"version"`
	Group            string     `json:"group,omitempty"`
	State            string     `json:"state"`
	Since            time.Time  `json:"since,omitzero"`
	Why              string     `json:"why"`
	Priority         Priority   `json:"priority"`
	Source           string     `json:"source,omitempty"`
	AdvertIntervalMS float64    `json:"advert_interval_ms"`
	Master           string     `json:"master,omitempty"`
	MasterPriority   uint8      `json:"master_priority,omitempty"`
	Peers            []Peer     `json:"peers"`
	Addresses        []Address  `json:"addresses"`
	Held             int        `json:"held"` // addresses, routes and rules that the kernel holds for it
	Trackers         []Tracked  `json:"trackers"`
	Troubles         []string   `json:"troubles"`
	Conflicts        []Conflict `json:"conflicts"` // with others on the network; they are among Troubles, in words
	Counters         Counters   `json:"counters"`
	Last             *Event     `json:"last,omitempty"` // the last transition
}

// Priority says what the priority is made of.
type Priority struct {
	Base uint8    `json:"base"`
	Now  uint8    `json:"now"`
	Why  []string `json:"why"` // what changed it, in words
}

// Peer is somebody whose adverts were heard.
type Peer struct {
	Address  string    `json:"address"`
	Priority uint8     `json:"priority"`
	Heard    time.Time `json:"heard"`
}

// Connection is how adverts are carried to one peer, for all instances that have it.
type Connection struct {
	Transport string    `json:"transport"` // udp, tcp or tls
	Peer      string    `json:"peer"`      // as configured
	Source    string    `json:"source,omitempty"`
	Up        bool      `json:"up"`
	Since     time.Time `json:"since,omitzero"`
	RTTMS     float64   `json:"rtt_ms,omitempty"`
	Reason    string    `json:"reason,omitempty"` // why it is not up, or what the peer can't
	Sent      uint64    `json:"adverts_sent"`
	Received  uint64    `json:"adverts_received"`
	Stale     uint64    `json:"adverts_stale"`    // that came too late to count
	Replaced  uint64    `json:"adverts_replaced"` // by later ones before they could leave
	Refused   uint64    `json:"refused"`          // connections, handshakes and frames
	Connects  uint64    `json:"connects"`
	Overrun   uint64    `json:"adverts_overrun"` // that were not fetched in time
}

// Address is one that the instance has to hold as MASTER.
type Address struct {
	Address   string `json:"address"`
	Interface string `json:"interface"`
	// Held is "yes" or "no", or "some" where the kernel holds only some of the instance's and nobody knows which.
	Held string `json:"held"`
}

// Tracked is what an instance tracks, and what that does to it.
type Tracked struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Weight int    `json:"weight"`
	Status string `json:"status,omitempty"` // up, down or unknown; not known here for interfaces
	Effect string `json:"effect,omitempty"` // in words: "+10", "fault"
}

// Counters are those of the instance since its process started.
type Counters struct {
	Received      uint64            `json:"adverts_received"`
	Sent          uint64            `json:"adverts_sent"`
	BecameMaster  uint64            `json:"became_master"`
	ReleaseMaster uint64            `json:"released_master"`
	PutOff        uint64            `json:"take_overs_put_off"`
	Slept         uint64            `json:"stood_still"`
	AddressLost   uint64            `json:"addresses_lost"`
	Announced     uint64            `json:"gratuitous_sent"`
	Dropped       map[string]uint64 `json:"dropped"` // adverts that were not taken, by reason
}

// Group is a sync group.
type Group struct {
	Name    string   `json:"name"`
	State   string   `json:"state"`
	Members []string `json:"members"`
}

// Tracker is a source of states.
type Tracker struct {
	Kind   string    `json:"kind"`
	Name   string    `json:"name"`
	Status string    `json:"status"`
	Since  time.Time `json:"since,omitzero"`
	Value  int       `json:"value,omitempty"` // the number in a file
	Reason string    `json:"reason,omitempty"`
	// Of scripts and checks: Last is how the last run ended, Running since when one goes on.
	Last    *Result   `json:"last,omitempty"`
	Running time.Time `json:"running,omitzero"`
}

// Result is how a run of a script or check ended.
type Result struct {
	Ended   time.Time `json:"ended"`
	TookUS  float64   `json:"took_us"`
	Outcome string    `json:"outcome"`          // in words
	Status  *int      `json:"status,omitempty"` // with which a script exited, if it did
	Signal  int       `json:"signal,omitempty"` // that ended it, if one did
	Output  string    `json:"output,omitempty"` // the last that it printed
}

// Trouble is something that delays us, or keeps us from doing what we should.
type Trouble struct {
	Kind  string    `json:"kind"`
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
}

// Timing is a histogram of durations.
type Timing struct {
	Name    string   `json:"name"`
	Means   string   `json:"means"`
	Count   uint64   `json:"count"`
	SumUS   float64  `json:"sum_us"`
	MaxUS   float64  `json:"max_us"`
	P50US   float64  `json:"p50_us"` // the end of the bucket in which it lies
	P99US   float64  `json:"p99_us"`
	Buckets []Bucket `json:"buckets"`
}

// Bucket counts durations up to LeUS, and above the bucket before. The last one has no end: its LeUS is 0.
type Bucket struct {
	LeUS  float64 `json:"le_us"`
	Count uint64  `json:"count"`
}

// Of makes the Status.
func (s *Source) Of() *Status {
	snap := dump.Take(s.Config, s.Page, nil, s.Zone)
	out := &Status{
		Version: s.Version, Time: s.wall(s.Now.Wall), PID: s.Page.PID(), Generation: s.Generation,
		Instances: []Instance{}, Groups: []Group{}, Trackers: []Tracker{}, Troubles: s.Troubles, Timings: s.Timings(),
	}
	if out.Troubles == nil {
		out.Troubles = []Trouble{}
	}
	s.trackers(out)
	s.connections(out)
	last := s.lastMoves()
	for i := range s.Config.Instances {
		in := s.instance(&s.Config.Instances[i], snap)
		in.Last = last[in.Name]
		out.Instances = append(out.Instances, in)
	}
	for i := range s.Config.Groups {
		g := &s.Config.Groups[i]
		out.Groups = append(out.Groups, Group{g.Name, snap.Group(g).String(), g.Members})
	}
	return out
}

// trackers lists the sources.
func (s *Source) trackers(out *Status) {
	reports := s.Runs.AllResults()
	for i := range s.Checks {
		reports[s.Checks[i].State.ID()] = s.Checks[i]
	}
	for i := range s.Page.TopSource() {
		st, wall, ok := s.Page.Source(i)
		if !ok {
			continue
		}
		k := Tracker{
			Kind: st.Kind.String(), Name: st.Source, Status: st.Status.String(), Since: s.wall(wall), Value: st.Value, Reason: st.Reason,
		}
		if r, ok := reports[st.ID()]; ok {
			k.Last, k.Running = s.result(&r), s.at(r.Began)
		}
		out.Trackers = append(out.Trackers, k)
	}
}

// result is how a run ended; nil before the first end.
func (s *Source) result(r *track.Report) *Result {
	if r.Last.Run == 0 {
		return nil
	}
	out := &Result{
		Ended: s.wall(r.At.Wall), TookUS: us(r.Last.Took), Outcome: r.Outcome(), Signal: r.Last.Signal, Output: r.Last.Output,
	}
	if r.State.Kind == track.OfScript && r.Last.Err == "" && r.Last.Signal == 0 {
		out.Status = &r.Last.Code
	}
	return out
}

// connections lists the peers that adverts are carried to.
func (s *Source) connections(out *Status) {
	for i := range s.Page.TopPeer() {
		p, ok := s.Page.Peer(i)
		if !ok {
			continue
		}
		n := &p.Counts
		out.Connections = append(out.Connections, Connection{
			Transport: p.Kind.String(), Peer: text(p.Addr), Source: text(p.Local), Up: p.Up, Since: s.at(clock.Instant(p.Since)),
			RTTMS: float64(p.RTT) / float64(time.Millisecond), Reason: p.Text,
			Sent: n.Sent, Received: n.Received, Stale: n.Stale, Replaced: n.Replaced, Refused: n.Refused, Connects: n.Connects, Overrun: n.Overrun,
		})
	}
}

// wall is a moment of CLOCK_REALTIME.
func (s *Source) wall(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).In(s.Zone)
}

// at is a moment of CLOCK_MONOTONIC, as the wall clock would have shown it if it had not been set since.
func (s *Source) at(i clock.Instant) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return s.wall(s.Now.Wall - int64(s.Now.Mono.Sub(i)))
}

// timings say what is in each histogram.
var timings = [...]struct{ name, means string }{
	status.Lateness: {"wakeup_late", "from a deadline of the election thread to the beginning of its round"},
	status.Decision: {"decision", "from the beginning of the round to the decision of a transition"},
	status.Sending:  {"advert", "from the decision of a MASTER to its first advert on the wire"},
	status.Kernel:   {"kernel", "from the decision of a MASTER to the kernel's confirmation of its addresses"},
	status.Garp:     {"gratuitous", "from that confirmation to the first gratuitous ARP or unsolicited NA"},
}

// Timings are all histograms.
func (s *Source) Timings() (out []Timing) {
	for i, t := range timings {
		out = append(out, timing(t.name, t.means, s.Page.Timing(status.Timed(i))))
	}
	return append(out,
		timing("script_start", "from the hand-over of a transition to the execution of a script", s.Runs.Start()),
		timing("script_run", "from the execution of a script to its end", s.Runs.Took()))
}

func timing(name, means string, h *status.Histogram) Timing {
	c := h.Read()
	t := Timing{Name: name, Means: means, Count: c.Count, SumUS: us(c.Sum), MaxUS: us(c.Max), P50US: us(c.Quantile(0.5)), P99US: us(c.Quantile(0.99))}
	for i, n := range c.Buckets {
		b := Bucket{Count: n}
		if i < len(status.Bounds) {
			b.LeUS = us(status.Bounds[i])
		}
		t.Buckets = append(t.Buckets, b)
	}
	return t
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
