// Command holdfast-mutate asks whether the tests notice faults: it generates small changes of the machine's source, draws some by a seed,
// and runs the tests and the simulator with each of them. What nobody notices is printed.
//
// The source is not touched: a mutant is built by an overlay. What was found out is appended to a file, and a mutant that is in it with the
// same text around is not tried again, so a run may be interrupted at any time.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"holdfast.dev/internal/mutate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options is the command line.
type options struct {
	seed    uint64
	number  int
	root    string
	results string
	only    string
	again   bool
	list    bool
	table   bool
	worlds  int
	budget  time.Duration
	out     io.Writer
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	o := options{out: out}
	f := flag.NewFlagSet("holdfast-mutate", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.Uint64Var(&o.seed, "seed", 1, "gives the order in which mutants are tried")
	f.IntVar(&o.number, "n", 200, "how many mutants that compile are tried")
	f.StringVar(&o.root, "root", ".", "the project")
	f.StringVar(&o.results, "results", "mutants.jsonl", "file that results are appended to and taken from")
	f.StringVar(&o.only, "only", "", "regular expression: of all mutants, as -list prints them, only these")
	f.BoolVar(&o.again, "again", false, "try those that survived once more")
	f.BoolVar(&o.list, "list", false, "only list the mutants in their order")
	f.BoolVar(&o.table, "table", false, "only print the results of those that are in the file")
	f.IntVar(&o.worlds, "worlds", 1000, "worlds of the simulator that a mutant is given, if the tests have not noticed it; 0 for none, which -again makes up for")
	f.DurationVar(&o.budget, "budget", 2*time.Minute, "the time of the processor for them")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if f.NArg() > 0 {
		fmt.Fprintf(errOut, "holdfast-mutate: unexpected argument %q\n", f.Arg(0))
		return 2
	}
	survived, err := o.all(ctx)
	if err != nil {
		fmt.Fprintln(errOut, "holdfast-mutate:", err)
		return 2
	}
	if survived > 0 {
		return 1
	}
	return 0
}

// all tries mutants until enough have compiled. It returns how many nobody noticed.
func (o *options) all(ctx context.Context) (survived int, err error) {
	if o.root, err = filepath.Abs(o.root); err != nil {
		return 0, err
	}
	drawn, err := o.draw()
	if err != nil {
		return 0, err
	}
	if o.list {
		for i := range drawn {
			fmt.Fprintln(o.out, &drawn[i])
		}
		return 0, nil
	}
	book, err := openResults(o.results)
	if err != nil {
		return 0, err
	}
	defer book.Close()
	l, err := newLab(o)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	if !o.table {
		if err := l.sane(ctx); err != nil {
			return 0, err
		}
	}
	var tried []result
	for i := range drawn {
		if len(tried) == o.number {
			break
		}
		r, known := book.known(l, &drawn[i])
		if !known && o.table {
			continue
		}
		if !known || o.again && r.Verdict == survivor {
			if r, err = l.try(ctx, &drawn[i]); err != nil {
				return 0, err
			}
			if err := book.add(r); err != nil {
				return 0, err
			}
			fmt.Fprintf(o.out, "%3d %s: %s\n", len(tried)+1, &drawn[i], &r)
		}
		if r.Verdict != broken {
			tried = append(tried, r)
		}
	}
	return printTable(o.out, o.seed, tried)
}

// draw lists the mutants of all targets in the order of the seed.
func (o *options) draw() ([]mutate.Mutant, error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	var all []mutate.Mutant
	for _, t := range targets {
		files, err := t.files(o.root)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(o.root, file))
			if err != nil {
				return nil, err
			}
			found, err := mutate.Of(file, text)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing to change in %s: -root is the folder of the project", o.root)
	}
	drawn := mutate.Draw(all, o.seed)
	kept := drawn[:0]
	for i := range drawn {
		if only.MatchString(drawn[i].String()) {
			kept = append(kept, drawn[i])
		}
	}
	return kept, nil
}
