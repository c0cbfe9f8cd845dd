package main

import (
	"errors"
	"fmt"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/notify/script"
	"holdfast.dev/supervisor/machine"
)

// programGrace is how long a program has to end after it was told to.
const programGrace = time.Second

// runProgram runs startup_script or shutdown_script with the credentials that the configuration gives it.
func runProgram(c *config.Command, within time.Duration, stop <-chan struct{}) error {
	s, err := script.New(script.Options{Launcher: []string{launcherName}})
	if err != nil {
		return err
	}
	defer s.Close()
	ended := make(chan script.Result, 1)
	p := s.Start(script.Command{
		Args: c.Args, Open: c.Open, UID: c.User.UID, GID: c.User.GID, Groups: machine.Groups()(c.User.User, c.User.GID),
	}, nil, func(r script.Result) { ended <- r })
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case r := <-ended:
		if !r.OK() {
			return errors.New(r.String())
		}
		return nil
	case <-limit.C:
		err = fmt.Errorf("has not ended within %s: it is ended", within)
	case <-stop:
		err = errors.New("is ended because the daemon shall stop")
	}
	p.Signal(false)
	select {
	case <-ended:
	case <-time.After(programGrace):
		p.Signal(true)
	}
	return err
}
