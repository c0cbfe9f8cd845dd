package machine

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// patience is how long a name server may take: a test of a configuration should not take longer than reading it.
const patience = 3 * time.Second

// Host reports whether name is an address or a host name that is known here.
func Host(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, name)
	return err == nil && len(found) > 0
}
