package guest

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"holdfast.dev/interop/guest/task"
)

// outputLimit is how much of a guest's output is kept, in octets. The last line is found however much there was.
const outputLimit = 16 << 20

// errNoEnd is the state of a console whose last line did not come.
var errNoEnd = errors.New("the guest ended without saying how its program did: it crashed, or it was ended")

var errNoBegin = errors.New("the guest said how its program ended, but it did not begin")

// console takes a guest's output apart.
type console struct {
	raw     io.Writer // gets everything, unless nil
	program io.Writer // gets the program's lines, unless nil
	partial []byte    // a line that is not complete
	before  strings.Builder
	output  strings.Builder
	begun   bool
	ended   bool
	blank   bool // the line before was empty: it may be the one with which a mark begins
	status  int
	err     error
}

func newConsole(raw, program io.Writer) *console {
	return &console{raw: raw, program: program, err: errNoEnd}
}

// Write never fails.
func (c *console) Write(b []byte) (int, error) {
	if c.raw != nil {
		_, _ = c.raw.Write(b)
	}
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			if len(c.partial)+len(b) < outputLimit {
				c.partial = append(c.partial, b...)
			}
			return n, nil
		}
		c.line(string(append(c.partial, b[:i]...)))
		c.partial, b = c.partial[:0], b[i+1:]
	}
}

func (c *console) line(s string) {
	s = strings.TrimSuffix(s, "\r")
	if c.ended {
		return
	}
	if s == task.Begin {
		c.begun, c.blank = true, false
		return
	}
	if status, err := task.Last(s); !errors.Is(err, task.ErrGoesOn) {
		c.status, c.err, c.ended = status, err, true
		return
	}
	if c.blank {
		c.keep("")
	}
	if c.blank = s == ""; !c.blank {
		c.keep(s)
	}
}

func (c *console) keep(s string) {
	to := &c.before
	if c.begun {
		to = &c.output
		if c.program != nil {
			_, _ = io.WriteString(c.program, s+"\n")
		}
	}
	if to.Len()+len(s) < outputLimit {
		to.WriteString(s + "\n")
	}
}

// result is what there is when qemu has ended.
func (c *console) result() (Result, error) {
	if len(c.partial) > 0 {
		c.line(string(c.partial))
		c.partial = nil
	}
	if c.err == nil && !c.begun {
		c.err = errNoBegin
	}
	if c.err != nil {
		return Result{Output: c.before.String() + c.output.String()}, c.err
	}
	return Result{Status: c.status, Output: c.output.String()}, nil
}
