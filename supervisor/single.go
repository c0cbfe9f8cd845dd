package supervisor

import (
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/role"
)

// here is a role that runs in this process (--single-process).
type here struct {
	conn *role.Conn
}

func (h here) pid() int { return os.Getpid() }

// signal can only take the role's connection away; then it hands over and ends.
func (h here) signal(unix.Signal) { go h.conn.Close() }

// launchHere runs a role as a goroutine.
func (s *Supervisor) launchHere(c *child, far *os.File) (process, error) {
	conn, err := role.NewConn(far)
	if err != nil {
		return nil, err
	}
	h := here{conn}
	main := s.hooks.Mains[c.name]
	go func() {
		code := end(conn, main(conn))
		s.post(func() {
			if c.proc == h {
				s.died(c, exit{code: code})
			}
		})
	}()
	return h, nil
}
