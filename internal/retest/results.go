package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
}

// results are what became of the tests of one run.
type results struct {
	out    io.Writer
	status int // of go test itself

	said   map[name][]string // by tests that have not ended
	became map[name]string   // pass, fail or skip; the test of a package itself is empty
	order  []name            // that failed, as they ended
	fatal  string            // what was seen of a kind of failure that does not go away
	build  bool              // something does not compile
}

func newResults(out io.Writer) *results {
	return &results{out: out, said: map[name][]string{}, became: map[name]string{}}
}

// read takes a run's events. What tests say is shown if they fail, once they have ended.
func (r *results) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				e = event{Action: "output", Output: string(line)} // go itself
			}
			r.take(e)
		}
		if errors.Is(err, io.EOF) {
			r.rest()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// crash is what no failed expectation of a test prints. What begins with FAIL: is a complaint of a TestMain.
var crash = regexp.MustCompile(`^(panic: |fatal error: |SIG[A-Z]+: |WARNING: DATA RACE|FAIL: )|race detected during execution`)

func (r *results) take(e event) {
	n := name{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "build-fail":
		r.build = true
	case "output":
		if r.fatal == "" && crash.MatchString(e.Output) {
			r.fatal = fmt.Sprintf("%s: %s", n, strings.TrimSpace(e.Output))
		}
		if e.Test != "" {
			r.said[n] = append(r.said[n], e.Output)
		} else if e.Output != "PASS\n" {
			fmt.Fprint(r.out, e.Output)
		}
	case "pass", "skip", "fail":
		r.became[n] = e.Action
		if e.Action == "fail" {
			r.order = append(r.order, n)
			r.show(n)
			r.build = r.build || e.FailedBuild != ""
		}
		delete(r.said, n)
	}
}

func (r *results) show(n name) {
	for _, s := range r.said[n] {
		fmt.Fprint(r.out, s)
	}
}

// rest shows what tests said that never ended.
func (r *results) rest() {
	for n := range r.said {
		if n.test != "" && r.became[n] == "" {
			r.show(n)
		}
	}
}

func (r *results) passed() bool { return r.status == 0 && len(r.order) == 0 }

// ran reports whether the test passed: a test that is not there any more, or is skipped, proves nothing.
func (r *results) ran(n name) bool { return r.became[n] == "pass" }

// failed lists the tests that failed themselves, not because one of their subtests did.
func (r *results) failed() (out []name) {
	for _, n := range r.order {
		if n.test != "" && !slices.ContainsFunc(r.order, func(o name) bool { return o.pkg == n.pkg && strings.HasPrefix(o.test, n.test+"/") }) {
			out = append(out, n)
		}
	}
	return out
}

// hopeless says why running something again makes no sense; empty if it does.
func (r *results) hopeless() string {
	failed := r.failed()
	switch {
	case r.build:
		return "it does not compile"
	case r.fatal != "":
		return r.fatal
	case len(failed) == 0:
		return "no test in particular failed"
	case len(failed) > most:
		return fmt.Sprintf("%d tests failed, which is more than %d", len(failed), most)
	}
	for n := range r.said {
		if n.test != "" && r.became[n] == "" {
			return n.String() + " did not end"
		}
	}
	for _, n := range r.order { // a package fails with its tests, or by itself
		if n.test == "" && !slices.ContainsFunc(failed, func(f name) bool { return f.pkg == n.pkg }) {
			return n.pkg + " failed, but none of its tests"
		}
	}
	return ""
}
