package node

import (
	"slices"

	"holdfast.dev/config"
	"holdfast.dev/track"
)

// tracked reports which sources of a kind some instance tracks: the others are not watched.
func tracked(c *config.Config, kind config.TrackKind) map[string]bool {
	names := map[string]bool{}
	for i := range c.Instances {
		for _, t := range c.Instances[i].Track.Others {
			if t.Kind == kind {
				names[t.Name] = true
			}
		}
	}
	return names
}

// FileSpecs translates the track_files that are tracked.
func FileSpecs(c *config.Config) (specs []track.FileSpec) {
	used := tracked(c, config.OfFile)
	for i := range c.Files {
		if f := &c.Files[i]; used[f.Name] {
			specs = append(specs, track.FileSpec{Name: f.Name, Path: f.Path})
		}
	}
	return specs
}

// ProcessSpecs translates the vrrp_track_processes that are tracked.
func ProcessSpecs(c *config.Config) (specs []track.ProcessSpec) {
	used := tracked(c, config.OfProcess)
	for i := range c.Processes {
		p := &c.Processes[i]
		if !used[p.Name] {
			continue
		}
		s := track.ProcessSpec{
			Name: p.Name, Process: p.Process, Full: p.FullCommand, Params: slices.Clone(p.Params), Quorum: p.Quorum, Max: -1,
			Match: paramMatches[p.Match], Gain: p.ForkDelay, Loss: p.TerminateDelay,
		}
		if p.QuorumMax != nil {
			s.Max = *p.QuorumMax
		}
		specs = append(specs, s)
	}
	return specs
}

var paramMatches = map[config.ParamMatch]track.Match{
	config.MatchNone: track.AnyParams, config.MatchExact: track.ExactParams, config.MatchInitial: track.InitialParams,
	config.MatchPartial: track.PartialParams,
}

// CheckSpecs translates the vrrp_checks that are tracked.
func CheckSpecs(c *config.Config) (specs []track.Spec) {
	used := tracked(c, config.OfCheck)
	for i := range c.Checks {
		k := &c.Checks[i]
		if !used[k.Name] {
			continue
		}
		specs = append(specs, track.Spec{
			Kind: track.OfCheck, Name: k.Name, Interval: k.Interval, Timeout: k.Timeout, Rise: k.Rise, Fall: k.Fall,
			Probe: track.Probe{
				Does: probes[k.Does], Addr: k.Addr, URL: k.URL, Low: k.Low, Top: k.Top, Insecure: k.Insecure, Unit: k.Unit, Path: k.Path,
				IPv6: k.IPv6, Link: k.Dev,
			},
		})
	}
	return specs
}

var probes = map[config.ProbeKind]track.Does{
	config.ProbeTCP: track.Connect, config.ProbeHTTP: track.Fetch, config.ProbeUnit: track.Unit, config.ProbeFile: track.Exists,
	config.ProbeRoute: track.Default,
}
