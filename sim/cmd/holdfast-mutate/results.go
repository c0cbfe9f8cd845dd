package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast.dev/internal/mutate"
)

// What became of a mutant.
const (
	killed   = "killed"
	survivor = "survived"
	broken   = "does not compile"
)

// result is what was found out about a mutant; a line of the file of results.
type result struct {
	ID      string
	Text    string // sum of the file that was changed
	File    string
	Line    int
	Func    string
	Op      mutate.Op
	Was     string
	Becomes string
	Verdict string
	By      string `json:",omitempty"` // who noticed
	Seconds float64
}

// String is the verdict in words.
func (r *result) String() string {
	if r.By != "" {
		return fmt.Sprintf("%s by %s (%.1f s)", r.Verdict, r.By, r.Seconds)
	}
	return fmt.Sprintf("%s (%.1f s)", r.Verdict, r.Seconds)
}

// results is the file.
type results struct {
	file *os.File
	byID map[string]result
}

func openResults(path string) (*results, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	b := &results{file: f, byID: map[string]result{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s:%d: %w", path, n, err), f.Close())
		}
		b.byID[r.ID] = r // the last one counts
	}
	if err := lines.Err(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}

// known finds the result of a mutant of the same text.
func (b *results) known(l *lab, m *mutate.Mutant) (result, bool) {
	r, ok := b.byID[m.ID()]
	if !ok {
		return result{}, false
	}
	text, err := os.ReadFile(filepath.Join(l.root, m.File))
	return r, err == nil && r.Text == sum(text)
}

func (b *results) add(r result) error {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = b.file.Write(append(line, '\n'))
	}
	return err
}

// Close ends the file.
func (b *results) Close() { _ = b.file.Close() }

// printTable counts by kind and place, and lists what nobody noticed.
func printTable(out io.Writer, seed uint64, tried []result) (survived int, err error) {
	kinds := []mutate.Op{mutate.Negate, mutate.PlusOne, mutate.Delete, mutate.Swap, mutate.Constant}
	var places []string
	count := map[string][2]int{}
	for i := range tried {
		r := &tried[i]
		place := filepath.ToSlash(filepath.Dir(r.File))
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
		for _, key := range []string{place + string(r.Op), place, string(r.Op), ""} {
			c := count[key]
			if c[1]++; r.Verdict == killed {
				c[0]++
			}
			count[key] = c
		}
	}
	slices.Sort(places)
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "\nseed %d: %d of %d mutants were noticed (killed / tried)\n\n| |", seed, count[""][0], count[""][1])
	for _, p := range places {
		fmt.Fprintf(w, " %s |", p)
	}
	fmt.Fprintf(w, " all |\n|---|%s---|\n", strings.Repeat("---|", len(places)))
	for _, k := range append(kinds, "") {
		name := k
		if k == "" {
			name = "all"
		}
		fmt.Fprintf(w, "| %s |", name)
		for _, p := range append(places, "") {
			c := count[p+string(k)]
			fmt.Fprintf(w, " %d / %d |", c[0], c[1])
		}
		fmt.Fprintln(w)
	}
	for i := range tried {
		if r := &tried[i]; r.Verdict == survivor {
			survived++
			m := mutate.Mutant{File: r.File, Line: r.Line, Func: r.Func, Op: r.Op, Was: r.Was, Becomes: r.Becomes}
			fmt.Fprintf(w, "survived: %s\n", &m)
		}
	}
	return survived, w.Flush()
}
