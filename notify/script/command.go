// Package script runs programs for the daemon: with the least delay, as another user, in a process group (and, where it was
// delegated one, a cgroup) of their own, with nothing inherited that is not meant for them.
//
// A small process, the launcher, is made once. A start costs it one clone; the child is the caller's, not the launcher's, so
// that the caller can wait for it and it outlives the launcher. Until its program begins the child uses the launcher's memory, for copying
// takes longer than anything else; a program that hangs in execve, on a dead file system for one, nevertheless holds up only itself,
// because another thread of the launcher takes over then (docs/decisions/0011-how-scripts-are-started.md).
package script

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"holdfast.dev/clock"
)

// Command is a program to run, or a path to open.
type Command struct {
	Args []string // program, an absolute path, and arguments
	// Open is the path of a command that runs nothing: it succeeds when the path can be opened for reading (rule R7).
	Open    string
	UID     uint32
	GID     uint32
	Groups  []uint32 // supplementary groups
	Capture bool     // keep the last MaxOutput bytes of what it prints; else that goes to /dev/null
}

// MaxOutput is how much of a script's output is kept, in bytes from the end.
const MaxOutput = 4 << 10

// maxRequest bounds a command with all its arguments, in bytes.
const maxRequest = 96 << 10

// check refuses what could not be handed to execve, in words.
func (c *Command) check() error {
	if c.Open == "" && (len(c.Args) == 0 || c.Args[0] == "") {
		return errors.New("no program")
	}
	size := len(c.Open) + 4*len(c.Groups)
	for _, a := range append([]string{c.Open}, c.Args...) {
		if strings.IndexByte(a, 0) >= 0 {
			return errors.New("a zero byte in the command")
		}
		size += len(a) + 9 // with its pointer
	}
	if size > maxRequest {
		return fmt.Errorf("command too long: %d bytes, at most %d", size, maxRequest)
	}
	return nil
}

// Stage is how far the start of a script came.
type Stage uint32

// The stages of a start, in their order.
const (
	StageFork   Stage = iota + 1 // a process could not be made
	StageGroup                   // its process group
	StageStdio                   // its standard descriptors
	StageUser                    // its user and groups
	StageParent                  // we ended meanwhile
	StageExec                    // the program itself
)

// StartError says why a script did not start.
type StartError struct {
	Stage Stage
	Err   syscall.Errno
}

func (e *StartError) Error() string {
	switch e.Stage {
	case StageFork:
		return "no new process: " + e.Err.Error()
	case StageGroup:
		return "process group: " + e.Err.Error()
	case StageStdio:
		return "standard descriptors: " + e.Err.Error()
	case StageUser:
		return "change of user: " + e.Err.Error()
	case StageParent:
		return "parent process has ended"
	}
	return e.Err.Error()
}

// Unwrap gives the kernel's error.
func (e *StartError) Unwrap() error { return e.Err }

// Result is how a script ended.
type Result struct {
	Code    int            // exit status; meaningless when Signal or Err is set
	Signal  syscall.Signal // what ended it, 0 for none
	Err     error          // why it did not run
	Output  string         // the last of what it printed, when captured
	Asked   clock.Instant  // Start was called
	Forked  clock.Instant  // its process began
	Started clock.Instant  // its program began; zero when it never did
	Ended   clock.Instant
}

// OK reports whether the script ran and exited with 0.
func (r *Result) OK() bool { return r.Err == nil && r.Signal == 0 && r.Code == 0 }

// String says it in words; empty for success.
func (r *Result) String() string {
	switch {
	case r.Err != nil:
		return "could not be run: " + r.Err.Error()
	case r.Signal != 0:
		return fmt.Sprintf("ended by signal %d", int(r.Signal))
	case r.Code != 0:
		return fmt.Sprintf("exited with status %d", r.Code)
	}
	return ""
}

// Took is how long the program ran; 0 when it never did.
func (r *Result) Took() time.Duration {
	if r.Started == 0 {
		return 0
	}
	return r.Ended.Sub(r.Started)
}
