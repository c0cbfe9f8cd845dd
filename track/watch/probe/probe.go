// Package probe does what a vrrp_check asks for, without a program: a file for each kind. A probe runs in a goroutine of its own, and
// nobody waits for one that a file system or a bus holds up.
package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast.dev/track"
)

// Run is a probe that is going on.
type Run struct{ cancel context.CancelFunc }

// Signal ends the probe, whichever signal it is.
func (r *Run) Signal(bool) { r.cancel() }

// sigTerm is what a probe that was told to end says it ended by: the machine takes that for a timeout.
const sigTerm = 15

// Start begins a probe; done is called once, from another goroutine, also when the probe is told to end and does not.
func Start(p track.Probe, done func(track.Ended)) *Run {
	ctx, cancel := context.WithCancel(context.Background())
	began := time.Now()
	result := make(chan error, 1)
	go func() { result <- do(ctx, &p) }()
	go func() {
		defer cancel()
		var e track.Ended
		select {
		case err := <-result:
			if err != nil {
				e.Err = err.Error()
			}
			if err != nil && ctx.Err() != nil {
				e = track.Ended{Signal: sigTerm}
			}
		case <-ctx.Done():
			e.Signal = sigTerm
		}
		e.Took = time.Since(began)
		done(e)
	}()
	return &Run{cancel}
}

// do is the probe itself; the error says why it is no success.
func do(ctx context.Context, p *track.Probe) error {
	switch p.Does {
	case track.Connect:
		return connect(ctx, p)
	case track.Fetch:
		return fetch(ctx, p)
	case track.Unit:
		return unit(ctx, p)
	case track.Exists:
		return exists(ctx, p)
	case track.Default:
		return defaultRoute(p)
	}
	return fmt.Errorf("nothing to check (%d)", p.Does)
}

// plain takes the operation and the addresses off an error of the network: the log names the check.
func plain(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}
