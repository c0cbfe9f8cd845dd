package supervisor

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/logs"
	"holdfast.dev/transport"
)

// peerNames is what DNS names of peers stand for. The aux role looks them up; a change is applied as any other change of the configuration is,
// without reading the files again. The last answers outlive the daemon, so that one that starts while no name can be looked up knows its peers.
type peerNames struct {
	known  map[string][]netip.Addr
	queued bool // a change waits for what is under way
}

// maxNames is how long the file of the last answers may be.
const maxNames = 1 << 20

// namesFile is where the last answers are.
func (s *Supervisor) namesFile() string {
	path := s.paths.state
	return path[:len(path)-len(filepath.Ext(path))] + ".names"
}

// withPeers is a configuration with the peers that its names stand for.
func (s *Supervisor) withPeers(cfg *config.Config) *config.Config {
	if len(cfg.Names()) == 0 {
		return cfg
	}
	if s.peers.known == nil {
		s.peers.known = readNames(s.namesFile())
	}
	return cfg.WithAddresses(s.peers.known, ownAddrs())
}

// resolved takes in what names stand for.
func (s *Supervisor) resolved(found map[string][]netip.Addr) {
	known := map[string][]netip.Addr{}
	maps.Copy(known, s.peers.known)
	changed := false
	for name, list := range found {
		if len(name) > 253 || len(list) > config.MaxNameAddrs || len(known) > 16*transport.MaxPeers {
			continue
		}
		if !slices.Equal(known[name], list) {
			known[name], changed = list, true
			s.say(logs.Info, "unicast_peer %s is %v", name, list)
		}
	}
	if !changed {
		return
	}
	s.peers.known = known
	s.later(s.namesFile(), func() error { writeNames(s.namesFile(), known); return nil })
	s.applyNames()
}

// applyNames brings what names stand for into force, or has it wait.
func (s *Supervisor) applyNames() {
	if s.stopping || s.cfg == nil && s.change == nil {
		return
	}
	if s.peers.queued = s.busy(); s.peers.queued {
		return
	}
	if next := s.withPeers(s.cfg); !next.Equal(s.cfg) {
		s.say(logs.Info, "Addresses of peers have changed")
		s.begin(next)
	}
}

// ownAddrs are the addresses of this host, which are nobody's peers.
func ownAddrs() (own []netip.Addr) {
	list, _ := net.InterfaceAddrs()
	for _, a := range list {
		if p, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(p.IP); ok {
				own = append(own, ip.Unmap())
			}
		}
	}
	return own
}

// readNames reads the last answers of an earlier daemon; whatever is wrong with them, they are none.
func readNames(path string) map[string][]netip.Addr {
	known := map[string][]netip.Addr{}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return known
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxNames {
		return known
	}
	data := make([]byte, st.Size())
	if _, err := f.ReadAt(data, 0); err != nil || json.Unmarshal(data, &known) != nil || known == nil {
		return map[string][]netip.Addr{}
	}
	return known
}

// writeNames keeps the answers for the next daemon. That it can't is no harm to this one.
func writeNames(path string, known map[string][]netip.Addr) {
	data, err := json.Marshal(known)
	if err != nil {
		return
	}
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil && e == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
}
