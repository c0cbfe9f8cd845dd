package probe

import (
	"context"
	"net"

	"holdfast.dev/track"
)

// connect succeeds when somebody accepts a connection. The connection is reset, so that it leaves nothing behind on this side, and
// never waits for the other (regression A16).
func connect(ctx context.Context, p *track.Probe) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", p.Addr.String())
	if err != nil {
		return plain(err)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
	return nil
}
