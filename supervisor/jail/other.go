//go:build !amd64 && !arm64

package jail

import (
	"errors"
	"runtime"
)

// Calls has no list for this architecture.
func Calls() error {
	return errors.New("system calls are not restricted: there is no list of them for " + runtime.GOARCH)
}

// Connections is not implemented on this architecture.
func Connections() error { return Calls() }
