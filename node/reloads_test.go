package node

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
)

// TestRegressionB46_ReloadsLeaveNothingBehind: a thousand reloads, from one configuration to another that has other interfaces, groups and
// scripts, with runners that come and go.
func TestRegressionB46_ReloadsLeaveNothingBehind(t *testing.T) {
	if !inside(t) {
		return
	}
	veth(t, "eth0", "far0")
	veth(t, "eth1", "far1")
	texts := []string{
		ownerConf,
		strings.ReplaceAll(strings.ReplaceAll(ownerConf, "eth0", "eth1"), "255", "100"),
		"global_defs {\nvrrp_mcast_group4 224.0.0.99\n}\n" + strings.ReplaceAll(ownerConf, "advert_int", "notify /bin/true\nadvert_int"),
	}
	var sealed []*os.File
	for _, text := range texts {
		f, err := role.SealedConfig(load(t, text))
		nstest.OK(t, err)
		defer f.Close()
		sealed = append(sealed, f)
	}
	page, err := role.MemFile("page")
	nstest.OK(t, err)
	nstest.OK(t, page.Truncate(status.Size))
	ours, theirs := pair(t)
	ended := make(chan error, 1)
	go func() { ended <- RunVRRP(theirs) }()
	logged := 0
	wait := func(want func(*role.Msg) bool) {
		for {
			m, _, err := ours.Recv()
			nstest.OK(t, err)
			if m.Log != nil {
				logged++
			} else if want(&m) {
				return
			}
		}
	}
	reload := func(gen uint64, resume ...*os.File) {
		f := sealed[gen%uint64(len(sealed))]
		nstest.OK(t, ours.Send(role.Msg{Prepare: &role.Prepare{Gen: gen, Reload: gen > 1}}, append([]*os.File{f}, resume...)...))
		wait(func(m *role.Msg) bool {
			if m.Ready != nil && m.Ready.Err != "" {
				t.Fatal(m.Ready.Err)
			}
			return m.Ready != nil
		})
		if gen%10 == 0 { // called off, and prepared again
			nstest.OK(t, ours.Send(role.Msg{Abort: &role.Gen{Gen: gen}}))
			nstest.OK(t, ours.Send(role.Msg{Prepare: &role.Prepare{Gen: gen, Reload: true}}, f))
			wait(func(m *role.Msg) bool { return m.Ready != nil })
		}
		nstest.OK(t, ours.Send(role.Msg{Commit: &role.Gen{Gen: gen}}))
		wait(func(m *role.Msg) bool { return m.Done != nil })
		if gen%50 == 0 {
			a, b, err := role.Pair()
			nstest.OK(t, err)
			nstest.OK(t, ours.Send(role.Msg{Peer: &role.Peer{Role: role.Runner}}, a))
			a.Close()
			b.Close() // it dies at once
		}
	}
	gen := uint64(1)
	reload(gen, page)
	page.Close()
	times := 1000
	if testing.Short() {
		times = 150
	}
	for range 60 { // until everything has its size
		gen++
		reload(gen)
	}
	fds, routines, memory := resources(t)
	for range times {
		gen++
		reload(gen)
	}
	limit := memory + 4<<20
	nstest.Eventually(t, fmt.Sprintf("no more than %d descriptors, %d goroutines, %d octets", fds, routines, limit), func() bool {
		f, r, m := resources(t)
		if f > fds+2 || r > routines+4 || m > limit { // the last socket may be on its way, and who hands over has some
			t.Logf("%d descriptors, %d goroutines, %d octets", f, r, m)
			return false
		}
		return true
	})
	nstest.OK(t, ours.Send(role.Msg{Stop: &role.Stop{Within: 30 * time.Second}}))
	wait(func(m *role.Msg) bool { return m.Stopped != nil })
	nstest.OK(t, <-ended)
	nstest.Eventually(t, "all sockets are closed", func() bool { return rawSockets(t) == 0 })
}

func resources(t *testing.T) (fds, routines int, memory uint64) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	nstest.OK(t, err)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return len(entries), runtime.NumGoroutine(), m.HeapAlloc
}

// rawSockets counts the VRRP and packet sockets of the namespace.
func rawSockets(t *testing.T) (n int) {
	t.Helper()
	for _, name := range []string{"raw", "raw6", "packet"} {
		data, err := os.ReadFile(filepath.Join("/proc/self/net", name))
		nstest.OK(t, err)
		n += len(strings.Split(strings.TrimSpace(string(data)), "\n")) - 1
	}
	return n
}
