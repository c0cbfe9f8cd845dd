package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"holdfast.dev/internal/netns"
)

// options are what the command line says.
type options struct {
	only       string
	json, svg  string
	holdfast   string
	keepalived string
	quick      bool
	keep       bool
	every      time.Duration
	scale      string
	notify     string
	ways       string
	window     time.Duration
}

func main() {
	if len(os.Args) > 1 && helpers[os.Args[1]] != nil {
		if err := helpers[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.only, "only", "", "scenarios to run, separated by commas: "+strings.Join(names(), ", "))
	flag.StringVar(&o.json, "json", "", "file to write all values to")
	flag.StringVar(&o.svg, "svg", "", "file to draw the ratios into")
	flag.StringVar(&o.holdfast, "holdfast", "", "program to measure; without it, it is built from this tree")
	flag.StringVar(&o.keepalived, "keepalived", "", "program to compare with; without it, the installed keepalived")
	flag.DurationVar(&o.every, "every", 0, "measure take-over, transports, outage and adverts with adverts at this interval only (1s, 100ms or 10ms)")
	flag.StringVar(&o.scale, "scale", "", "what the scenario scale measures, such as 4000/1s,1000/100ms/vmac,1000/1s/keepalived: instances and "+
		"interval, with virtual MACs, at a real-time priority (rt), and with keepalived beside; without it, all that docs/performance.md has")
	flag.StringVar(&o.notify, "notify", "", "what the scenario notify measures, such as 1,50/loaded,250/rt: scripts at once, and idle, loaded or rt; without it, all")
	flag.StringVar(&o.ways, "ways", "", "transports that the scenario carried measures, such as ip,tls; without it, all")
	flag.DurationVar(&o.window, "window", 5*time.Minute, "how long the scenarios scale and carried watch")
	flag.BoolVar(&o.quick, "quick", false, "few repetitions and short windows: to try it out, not to quote")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory with the daemons' files and logs")
	flag.Parse()
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// helpers are what this program does when the bench starts it again inside a namespace, or as a load.
var helpers = map[string]func(args []string) error{"helper-floor": floorMain, "helper-busy": busyMain, "helper-scripts": scriptsMain}

// scenario is one thing to measure; it adds rows to the report.
type scenario struct {
	name string
	run  func(b *bench) error
}

func scenarios() []scenario {
	return []scenario{
		{"takeover", (*bench).takeovers},
		{"transports", (*bench).transports},
		{"outage", (*bench).outages},
		{"adverts", (*bench).adverts},
		{"mass", (*bench).masses},
		{"notify", (*bench).notifies},
		{"reload", (*bench).reloads},
		{"flood", (*bench).floodAll},
		{"cost", (*bench).costs},
		{"scale", (*bench).scales},
		{"carried", (*bench).carried},
	}
}

func names() (out []string) {
	for _, s := range scenarios() {
		out = append(out, s.name)
	}
	return out
}

// bench is one run.
type bench struct {
	dir    string
	sides  []*side // keepalived, holdfast
	floor  *side
	peer   *side // a copy of holdfast that shares no page with the one that is measured
	quick  bool
	every  time.Duration // 0 for all
	loads  []burden      // of the scenario scale
	ways   []string      // of the scenario carried: transports
	report *report

	scaleWindow time.Duration
	notify      func(count int, load string) bool // whether to measure that
}

func run(o *options) error {
	if err := netns.Able(); err != nil {
		return fmt.Errorf("network namespaces can't be made here, run me as root: %w", err)
	}
	dir, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	if !o.keep {
		defer os.RemoveAll(dir)
	}
	b := &bench{dir: dir, quick: o.quick, every: o.every}
	b.loads, b.scaleWindow, b.ways = loads, o.window, wayNames
	if o.ways != "" {
		b.ways = strings.Split(o.ways, ",")
	}
	if o.scale != "" {
		if b.loads, err = readLoads(o.scale); err != nil {
			return err
		}
	}
	if b.notify, err = readNotify(o.notify); err != nil {
		return err
	}
	if err := b.find(o); err != nil {
		return err
	}
	b.report = newReport(b.sides)
	for _, s := range scenarios() {
		if o.only != "" && !strings.Contains(","+o.only+",", ","+s.name+",") {
			continue
		}
		begin := time.Now()
		if err := s.run(b); err != nil {
			b.report.trouble("%s: %v", s.name, err) // the others may still work
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", s.name, time.Since(begin).Round(time.Second))
	}
	b.report.finish()
	fmt.Print(b.report.table())
	return b.write(o)
}

func (b *bench) write(o *options) error {
	if o.json != "" {
		text, err := b.report.json()
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, text, 0o644); err != nil {
			return err
		}
	}
	if o.svg != "" {
		return os.WriteFile(o.svg, b.report.svg(), 0o644)
	}
	return nil
}

// find locates or builds the programs.
func (b *bench) find(o *options) error {
	theirs, err := exec.LookPath(or(o.keepalived, "keepalived"))
	if err != nil {
		if theirs, err = exec.LookPath("/usr/sbin/keepalived"); err != nil {
			return fmt.Errorf("keepalived is not installed, it is in the package keepalived: %w", err)
		}
	}
	ours := filepath.Join(b.dir, "holdfast")
	if o.holdfast == "" {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", ours, "holdfast.dev/cmd/holdfast")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building holdfast: %w\n%s", err, out)
		}
	} else if err := copyFile(ours, o.holdfast); err != nil {
		return err
	}
	other := filepath.Join(b.dir, "peer")
	if err := copyFile(other, ours); err != nil {
		return err
	}
	b.sides = []*side{{name: "keepalived", path: theirs}, {name: "holdfast", path: ours}}
	b.peer = &side{name: "peer", path: other}
	b.floor = &side{name: "floor", path: "/proc/self/exe", floor: true}
	for _, s := range b.sides {
		out, _ := exec.Command(s.path, "--version").CombinedOutput() // keepalived writes to stderr
		s.version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return nil
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// times is n, or few where the run shall be quick.
func (b *bench) times(n, few int) int {
	if b.quick {
		return few
	}
	return n
}

// intervals are those of adverts that are asked for.
func (b *bench) intervals(of []time.Duration) (out []time.Duration) {
	for _, d := range of {
		if b.every == 0 || b.every == d {
			out = append(out, d)
		}
	}
	return out
}

// window is d, or a sixth where the run shall be quick.
func (b *bench) window(d time.Duration) time.Duration {
	if b.quick {
		return d / 6
	}
	return d
}
