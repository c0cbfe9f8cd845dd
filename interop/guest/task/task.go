// Package task is what the host tells the init of a guest to do, and what init answers.
package task

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// File is where the description lies in the guest, as JSON.
const File = "/guest/task.json"

// Inside is the environment variable that programs in a guest can tell it by. It is set to "1".
const Inside = "HOLDFAST_GUEST"

// Task is one run.
type Task struct {
	Modules []string // paths of kernel modules, in the order in which they have to be loaded
	Argv    []string // the program, with its path, and its arguments
	Env     []string
	Dir     string // where the program starts
}

// Marks on the console. Everything between them is the program's output, but for what the kernel may have to say. Both stand
// at the beginning of a line of their own.
const (
	Begin = "\x02guest: begins"
	end   = "\x03guest: status "
	fail  = "\x03guest: failed: "
)

// End is the last line when the program has ended.
func End(status int) string { return end + strconv.Itoa(status) }

// Fail is the last line when the program could not be run.
func Fail(err error) string { return fail + strings.ReplaceAll(err.Error(), "\n", " ") }

// ErrGoesOn is returned for a line that is not the last one.
var ErrGoesOn = errors.New("the guest has more to say")

// Last reads the line with which a guest ends: the program's exit status, 128 and the signal's number if a signal ended it.
func Last(line string) (status int, err error) {
	if text, ok := strings.CutPrefix(line, fail); ok {
		return 0, errors.New(text)
	}
	text, ok := strings.CutPrefix(line, end)
	if !ok {
		return 0, ErrGoesOn
	}
	status, err = strconv.Atoi(text)
	if err != nil || status < 0 || status > 255 {
		return 0, fmt.Errorf("%q is not an exit status", text)
	}
	return status, nil
}
