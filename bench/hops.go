package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// hops are the steps between a virtual router's first advert and its script's first instruction, as the daemon itself tells of them.
var hops = []string{
	"the kernel holds the address", "handed on", "reaches the process that runs scripts", "its turn", "has a process", "executed", "first instruction",
}

// told is what holdfast events says of a transition, as far as it is of use here.
type told struct {
	Name  string
	To    string
	Time  time.Time
	Steps []struct {
		Step string
		AtUS float64 `json:"at_us"`
	}
	Scripts []struct {
		QueuedUS  float64  `json:"queued_us"`
		ArrivedUS float64  `json:"arrived_us"`
		AskedUS   float64  `json:"asked_us"`
		ForkedUS  *float64 `json:"forked_us"`
		StartedUS *float64 `json:"started_us"`
	}
}

// askHops adds up, for the last transition of every instance to MASTER, the milliseconds that each hop took. began has the first
// instructions of the scripts, in nanoseconds.
func (d *daemon) askHops(began map[int]int64) (out [][]float64, err error) {
	text, err := exec.Command(d.side.path, "events", "--format", "json", "--limit", strconv.Itoa(3*len(began)), "--pid", d.pid).Output()
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	last := map[string]told{}
	for lines := json.NewDecoder(bytes.NewReader(text)); lines.More(); {
		var e told
		if err := lines.Decode(&e); err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		if e.To == "MASTER" {
			last[e.Name] = e
		}
	}
	out = make([][]float64, len(hops))
	for name, e := range last {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
		if err != nil || began[n] == 0 {
			continue
		}
		at, ok := e.times(began[n])
		if !ok {
			return nil, fmt.Errorf("%s: not all steps of its transition are known", name)
		}
		for i := range hops {
			out[i] = append(out[i], (at[i+1]-at[i])/1e3)
		}
	}
	return out, nil
}

// times are the moments between which the hops lie, in microseconds from the cause of the transition.
func (e *told) times(began int64) (at []float64, ok bool) {
	step := map[string]float64{}
	for _, s := range e.Steps {
		step[s.Step] = s.AtUS
	}
	decided := step["decided"]
	sent, ok1 := step["advert sent"]
	held, ok2 := step["kernel confirmed"]
	if len(e.Scripts) == 0 || !ok1 || !ok2 {
		return nil, false
	}
	s := e.Scripts[0]
	if s.ForkedUS == nil || s.StartedUS == nil {
		return nil, false
	}
	first := decided + float64(began-e.Time.UnixNano())/1e3
	return []float64{sent, held, s.QueuedUS, s.ArrivedUS, s.AskedUS, *s.ForkedUS, *s.StartedUS, first}, true
}
