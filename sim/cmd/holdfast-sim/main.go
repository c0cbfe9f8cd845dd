// Command holdfast-sim plays worlds of the simulator: one that is named, or as many as fit into a time.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast.dev/sim"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options is the command line.
type options struct {
	seed, from  uint64
	kind        string
	time        time.Duration
	worlds      uint64
	workers     int
	keep        string
	without     string
	episodes    int
	lines       int
	replay      string
	ignore      string
	story       string
	adverts     bool
	small       bool
	all         bool
	shrink      time.Duration
	haveSeed    bool
	haveKeep    bool
	haveKind    bool
	out, errOut io.Writer
}

func run(args []string, out, errOut io.Writer) int {
	o := options{out: out, errOut: errOut}
	f := flag.NewFlagSet("holdfast-sim", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.Uint64Var(&o.seed, "seed", 0, "play the world of this seed, with its timeline")
	f.StringVar(&o.kind, "kind", "anything", "kind of world: anything, default, pair, mixed, drift, rich, carried; without -seed only that one is played")
	f.DurationVar(&o.time, "time", 10*time.Second, "without -seed: play random worlds of all kinds for so long")
	f.Uint64Var(&o.from, "from", 0, "first random seed; 0 takes one from the clock")
	f.Uint64Var(&o.worlds, "worlds", 0, "without -seed: play at most so many worlds; 0 for no limit")
	f.IntVar(&o.workers, "workers", 1, "worlds at a time")
	f.StringVar(&o.keep, "keep", "", "numbers of the only faults that happen")
	f.StringVar(&o.without, "without", "", "names of nodes to leave out")
	f.IntVar(&o.episodes, "episodes", 0, "number of episodes; 0 for all")
	f.IntVar(&o.lines, "lines", 200, "last lines of the timeline to print; 0 for all")
	f.StringVar(&o.replay, "replay", "", "give this recording of a daemon to an engine, see that it decides the same, and print what it decides")
	f.StringVar(&o.ignore, "ignore", "", "name of a checker whose failures do not count")
	f.StringVar(&o.story, "story", "", "play this story of docs/elections.md; all of them with the name all")
	f.BoolVar(&o.small, "small", false, "with -seed: make a failing world smaller before it is shown")
	f.BoolVar(&o.adverts, "adverts", false, "print every advert")
	f.BoolVar(&o.all, "keep-going", false, "go on after a failing seed")
	f.DurationVar(&o.shrink, "shrink", 20*time.Second, "how long a failing world may be made smaller")
	if err := f.Parse(args); err != nil {
		return 2
	}
	f.Visit(func(fl *flag.Flag) {
		o.haveSeed = o.haveSeed || fl.Name == "seed"
		o.haveKeep = o.haveKeep || fl.Name == "keep"
		o.haveKind = o.haveKind || fl.Name == "kind"
	})
	if f.NArg() > 0 {
		fmt.Fprintf(errOut, "holdfast-sim: unexpected argument %q\n", f.Arg(0))
		return 2
	}
	var code int
	var err error
	if o.replay != "" {
		code, err = o.again()
	} else if o.story != "" {
		code, err = o.tell()
	} else if o.haveSeed {
		code, err = o.one()
	} else {
		code, err = o.many()
	}
	if err != nil {
		fmt.Fprintln(errOut, "holdfast-sim:", err)
		return 2
	}
	return code
}

// tell plays stories and prints what happened.
func (o *options) tell() (code int, err error) {
	found := false
	for _, s := range sim.Stories() {
		if o.story != "all" && o.story != s.Name {
			continue
		}
		found = true
		log := &sim.Timeline{Brief: true}
		masters, f := s.Play(log)
		fmt.Fprintf(o.out, "%s: %s\n\n", s.Name, s.About)
		if err := log.Write(o.out, 0); err != nil {
			return 0, err
		}
		fmt.Fprintf(o.out, "\nMASTER in the end: %s\n\n", masters)
		if f != nil || masters != s.Master {
			code = 1
		}
	}
	if !found {
		return 0, fmt.Errorf("-story: there is none called %q", o.story)
	}
	return code, nil
}

// one plays a world and prints what happened.
func (o *options) one() (int, error) {
	kind, err := sim.KindOf(o.kind)
	if err != nil {
		return 0, err
	}
	p := sim.Draw(o.seed, kind)
	if o.haveKeep {
		var ids []int
		for _, word := range strings.FieldsFunc(o.keep, func(r rune) bool { return r == ',' || r == ' ' }) {
			id, err := strconv.Atoi(word)
			if err != nil {
				return 0, fmt.Errorf("-keep: %q is no number", word)
			}
			ids = append(ids, id)
		}
		p.Keep(ids)
	}
	if o.without != "" {
		p.Without = strings.Split(o.without, ",")
	}
	if o.episodes > 0 {
		p.Episodes = o.episodes
	}
	if f := sim.New(p).Run(); f != nil && o.small {
		p = o.smaller(p, f)
	}
	f, err := o.show(p)
	if err != nil || f == nil {
		return 0, err
	}
	return 1, nil
}

// smaller makes a failing world smaller for as long as it may take.
func (o *options) smaller(p sim.Plan, f *sim.Failure) sim.Plan {
	end := time.Now().Add(o.shrink)
	p, _ = sim.Shrink(p, f, func() bool { return time.Now().Before(end) })
	return p
}

// show plays a world and prints its timeline.
func (o *options) show(p sim.Plan) (*sim.Failure, error) {
	w := sim.New(p)
	w.Log = &sim.Timeline{Adverts: o.adverts}
	f := w.Run()
	fmt.Fprintf(o.out, "%s\n%s\n", p.Describe(), sim.Legend)
	if err := w.Log.Write(o.out, o.lines); err != nil {
		return f, err
	}
	if f != nil {
		fmt.Fprintln(o.out, f)
	} else {
		fmt.Fprintf(o.out, "nothing is wrong after %d steps\n", w.Steps)
	}
	fmt.Fprintln(o.out, p.Command())
	return f, nil
}

// many plays random worlds until the time is over.
func (o *options) many() (int, error) {
	begin := time.Now()
	from := o.from
	if from == 0 {
		from = uint64(begin.UnixNano())
	}
	kind, err := sim.KindOf(o.kind)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(o.out, "first seed %d\n", from)
	var (
		next   atomic.Uint64
		mu     sync.Mutex
		total  sim.Cover
		settle float64
		failed []*sim.Failure
		wg     sync.WaitGroup
	)
	for range max(1, o.workers) {
		wg.Go(func() {
			for time.Since(begin) < o.time {
				i := next.Add(1) - 1
				if o.worlds > 0 && i >= o.worlds {
					return
				}
				p := sim.Draw(from+i/uint64(sim.Kinds), sim.Kind(i%uint64(sim.Kinds)))
				if o.haveKind {
					p = sim.Draw(from+i, kind)
				}
				w := sim.New(p)
				w.Ignore(o.ignore)
				f := w.Run()
				mu.Lock()
				total.Add(w.Cover)
				total.Worlds++
				total.Steps += w.Steps
				settle = max(settle, w.Settling)
				if f != nil {
					failed = append(failed, f)
					fmt.Fprintln(o.out, f)
				}
				over := len(failed) > 0 && !o.all
				mu.Unlock()
				if over {
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	if err := total.Write(o.out); err != nil {
		return 0, err
	}
	fmt.Fprintf(o.out, "%d worlds, %d steps in %v: %.0f steps/s; the slowest election took %.0f %% of what it may take\n",
		total.Worlds, total.Steps, took.Round(time.Millisecond), float64(total.Steps)/took.Seconds(), 100*settle)
	if len(failed) == 0 {
		return 0, nil
	}
	_, err = o.show(o.smaller(sim.Draw(failed[0].Seed, failed[0].Kind), failed[0]))
	return 1, err
}
