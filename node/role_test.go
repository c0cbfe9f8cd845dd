package node

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/host/kernel"
	"holdfast.dev/internal/netns"
	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/internal/shm"
	"holdfast.dev/link"
	"holdfast.dev/link/poll"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/vrrp"
)

// lab is a router and another station on one wire, with the supervisor played by the test.
type lab struct {
	t          *testing.T
	here, far  *netns.NS
	page       *status.Page
	pageFile   *os.File
	ear        *link.Port // at the other station
	batch      *link.Batch
	addrEvents *netlink.Conn
}

const vip = "192.0.2.100/24"

// ownerConf is a router that becomes MASTER at once, with an interval that no busy machine exceeds. Where nobody takes over from it, a
// polite end takes that long.
const ownerConf = `vrrp_instance A {
	interface eth0
	virtual_router_id 51
	priority 255
	advert_int 8
	virtual_ipaddress { 192.0.2.100/24 }
}`

func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel()
	l := &lab{t: t, batch: link.NewBatch(16)}
	l.here, l.far = nstest.Pair(t)
	nstest.OK(t, l.here.AddAddr("eth0", "192.0.2.1/24"))
	var err error
	l.pageFile, err = role.MemFile("page")
	nstest.OK(t, err)
	t.Cleanup(func() { l.pageFile.Close() })
	nstest.OK(t, l.pageFile.Truncate(status.Size))
	mem, err := shm.Map(l.pageFile, status.Size)
	nstest.OK(t, err)
	l.page, err = status.Open(mem)
	nstest.OK(t, err)
	nstest.Do(t, l.far, func() {
		l.ear, err = link.Open(link.Spec{Link: "eth0", Family: 4, Groups: []netip.Addr{addr("224.0.0.18")}})
	})
	nstest.OK(t, err)
	t.Cleanup(func() { l.ear.Close() })
	l.addrEvents, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_LINK-1), NetNS: l.here.Fd()})
	nstest.OK(t, err)
	t.Cleanup(func() { l.addrEvents.Close() })
	return l
}

// priorities are those of the adverts that were heard since the last call.
func (l *lab) priorities() (got []byte) {
	for {
		n, err := l.ear.Recv(l.batch)
		nstest.OK(l.t, err)
		for i := range n {
			if d := l.batch.At(i); len(d.Payload) > 2 {
				got = append(got, d.Payload[2])
			}
		}
		if n == 0 {
			return got
		}
	}
}

// goodbye waits until the last advert that was heard is one of priority 0. The kernel hands packets to the other end when it comes to it.
func (l *lab) goodbye() {
	l.t.Helper()
	var heard []byte
	nstest.Eventually(l.t, "the last advert is one of priority 0", func() bool {
		heard = append(heard, l.priorities()...)
		return len(heard) > 0 && heard[len(heard)-1] == 0
	})
}

// changes counts what happened to links and IPv4 addresses since the last call.
func (l *lab) changes() (n int) {
	for {
		nstest.OK(l.t, l.addrEvents.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		msgs, err := l.addrEvents.Receive()
		if err != nil {
			return n
		}
		n += len(msgs)
	}
}

func (l *lab) holds() bool {
	found := false
	nstest.Do(l.t, l.here, func() {
		links, err := kernel.Read()
		nstest.OK(l.t, err)
		for i := range links {
			for _, a := range links[i].Addrs {
				found = found || a.Prefix.String() == vip
			}
		}
	})
	return found
}

// status is that of the first router.
func (l *lab) status() (s vrrp.Status, ok bool) {
	var rec status.Record
	if !l.page.Get(0, &rec) {
		return s, false
	}
	return rec.Status(), true
}

// stepsAreKnown looks at what the page tells of the transition to MASTER: every step has its time, and they come in order.
func (l *lab) stepsAreKnown() {
	l.t.Helper()
	var m status.Move
	last := l.page.LastMove()
	if !l.page.Move(last, &m) || m.To != vrrp.Master || m.Name == "" {
		l.t.Fatalf("the last of %d transitions is %+v", last, m)
	}
	nstest.Eventually(l.t, "all steps are noted", func() bool {
		l.page.Move(last, &m)
		return !slices.Contains(m.At[:], 0)
	})
	order := []status.Step{status.Decided, status.Sent, status.Confirmed, status.Announced}
	for i := range order[1:] {
		if m.At[order[i]] > m.At[order[i+1]] {
			l.t.Errorf("step %d was at %d, before step %d at %d", order[i+1], m.At[order[i+1]], order[i], m.At[order[i]])
		}
	}
	if m.At[status.Queued] < m.At[status.Decided] || m.At[status.Woken] > m.At[status.Decided] {
		l.t.Errorf("steps %v", m.At)
	}
	for kind, least := range map[status.Timed]uint64{status.Decision: 1, status.Sending: 1, status.Kernel: 1, status.Garp: 1} {
		if c := l.page.Timing(kind).Read(); c.Count < least {
			l.t.Errorf("histogram %d has counted %d", kind, c.Count)
		}
	}
}

func (l *lab) master() bool {
	s, ok := l.status()
	return ok && s.State == vrrp.Master && s.Standing == 1
}

// process is a running role.
type process struct {
	*lab
	ctl  *role.Conn
	cmd  *exec.Cmd
	err  *bytes.Buffer
	done chan struct{}
	log  []string
}

// start starts the role in a process of its own.
func (l *lab) start(how string) *process {
	l.t.Helper()
	near, far, err := role.Pair()
	nstest.OK(l.t, err)
	defer far.Close()
	p := &process{lab: l, err: new(bytes.Buffer), done: make(chan struct{})}
	p.ctl, err = role.NewConn(near)
	nstest.OK(l.t, err)
	p.cmd = exec.Command("/proc/self/exe", "-test.run=^$")
	p.cmd.Env = append(os.Environ(), roleEnv+"="+how)
	p.cmd.ExtraFiles = []*os.File{far}
	p.cmd.Stderr = p.err
	nstest.OK(l.t, l.here.Start(p.cmd))
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	l.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		p.ctl.Close()
	})
	return p
}

// code waits for the end of the process.
func (p *process) code() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		p.t.Fatal("the role does not end")
		return -1
	}
}

// hear waits for the answer that want is looking for.
func (p *process) hear(want func(*role.Msg) bool) {
	p.t.Helper()
	for {
		m, files, err := p.ctl.Recv()
		closeFiles(files)
		if err != nil {
			p.t.Fatalf("%v\nlog:\n%s\n%s", err, strings.Join(p.log, "\n"), p.err)
		}
		if m.Log != nil {
			p.log = append(p.log, m.Log.Text)
		} else if want(&m) {
			return
		}
	}
}

// prepare returns the answer.
func (p *process) prepare(m role.Prepare, c *config.Config, files ...*os.File) (ready role.Ready) {
	p.t.Helper()
	f, err := role.SealedConfig(c)
	nstest.OK(p.t, err)
	defer f.Close()
	nstest.OK(p.t, p.ctl.Send(role.Msg{Prepare: &m}, append([]*os.File{f}, files...)...))
	p.hear(func(a *role.Msg) bool {
		if a.Ready != nil {
			ready = *a.Ready
		}
		return a.Ready != nil && a.Ready.Gen == m.Gen
	})
	return ready
}

func (p *process) commit(gen uint64) {
	p.t.Helper()
	nstest.OK(p.t, p.ctl.Send(role.Msg{Commit: &role.Gen{Gen: gen}}))
	p.hear(func(m *role.Msg) bool { return m.Done != nil && m.Done.Gen == gen })
}

// reload puts a configuration into force.
func (p *process) reload(m role.Prepare, text string, files ...*os.File) {
	p.t.Helper()
	if r := p.prepare(m, load(p.t, text), files...); r.Err != "" {
		p.t.Fatal(r.Err)
	}
	p.commit(m.Gen)
}

func (p *process) stop(m role.Stop) {
	p.t.Helper()
	nstest.OK(p.t, p.ctl.Send(role.Msg{Stop: &m}))
	p.hear(func(m *role.Msg) bool { return m.Stopped != nil })
	if code := p.code(); code != 0 {
		p.t.Errorf("exit code %d: %s", code, p.err)
	}
}

// TestRoleLife: a start, reloads that change nothing, one that is refused, one that is called off, and a polite end.
func TestRoleLife(t *testing.T) {
	l := newLab(t)
	p := l.start("vrrp")
	p.reload(role.Prepare{Gen: 1, Detail: 1}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER and the kernel holds the address", l.master)
	if !l.holds() || l.page.PID() != p.cmd.Process.Pid {
		t.Fatal("the address is not there")
	}
	nstest.Eventually(t, "its first advert is heard", func() bool { return len(l.priorities()) > 0 })
	nstest.Eventually(t, "the announcements are over", func() bool {
		s, _ := l.status()
		return s.Stats.Announced >= 5
	})
	before, _ := l.status()
	l.stepsAreKnown()
	l.changes()

	for gen := uint64(2); gen <= 3; gen++ {
		p.reload(role.Prepare{Gen: gen, Reload: true}, ownerConf)
	}
	if r := p.prepare(role.Prepare{Gen: 4, Reload: true}, load(t, strings.ReplaceAll(ownerConf, "51", "52"))); r.Err != "" {
		t.Fatal(r.Err)
	}
	nstest.OK(t, p.ctl.Send(role.Msg{Abort: &role.Gen{Gen: 4}}))
	nstest.OK(t, p.ctl.Send(role.Msg{Commit: &role.Gen{Gen: 4}})) // nonsense now
	p.reload(role.Prepare{Gen: 5, Reload: true}, ownerConf)
	after, _ := l.status()
	if n := l.changes(); n != 0 {
		t.Errorf("%d changes in the kernel by reloads of an identical file", n)
	}
	if after.Since != before.Since || after.Stats.BecomeMaster != before.Stats.BecomeMaster || after.Stats.Sent < before.Stats.Sent ||
		after.LastSent.Mono.Sub(before.LastSent.Mono) > 30*time.Second {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if len(p.log) == 0 || !strings.Contains(strings.Join(p.log, "\n"), "told to commit configuration 4") {
		t.Errorf("log %q", p.log)
	}

	l.priorities()
	p.stop(role.Stop{Within: 30 * time.Second})
	if l.holds() {
		t.Error("the address is still there")
	}
	l.goodbye()
	log := strings.Join(p.log, "\n")
	for _, want := range []string{"(A) Entering MASTER STATE", "Assigned address 192.0.2.1 for interface eth0", "Sending gratuitous ARP on eth0 for 192.0.2.100"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
}

// TestRoleHandsOverWithoutSupervisor: the end of the control connection is the end of the elections.
func TestRoleHandsOverWithoutSupervisor(t *testing.T) {
	l := newLab(t)
	p := l.start("vrrp")
	p.reload(role.Prepare{Gen: 1}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER", l.master)
	l.priorities()
	p.ctl.Close()
	if code := p.code(); code != 70 || !strings.Contains(p.err.String(), "the supervisor is gone") {
		t.Errorf("exit code %d: %s", code, p.err)
	}
	if l.holds() {
		t.Error("the address is still there")
	}
	l.goodbye()
}

// TestRoleResumes: the process that takes the place of one that was killed goes on as MASTER, and nobody notices.
func TestRoleResumes(t *testing.T) {
	l := newLab(t)
	p := l.start("vrrp")
	p.reload(role.Prepare{Gen: 1}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER", l.master)
	nstest.OK(t, p.cmd.Process.Kill())
	p.code()
	if !l.holds() {
		t.Fatal("the address went with the process")
	}
	l.changes()
	l.priorities()

	// The next one dies before its first Commit, which must not cost the third what it has to know.
	second := l.start("vrrp")
	if r := second.prepare(role.Prepare{Gen: 1, Reload: true, Resume: true}, load(t, ownerConf), l.pageFile); r.Err != "" {
		t.Fatal(r.Err)
	}
	nstest.OK(t, second.cmd.Process.Kill())
	second.code()

	third := l.start("vrrp")
	third.reload(role.Prepare{Gen: 1, Reload: true, Resume: true}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER again", l.master)
	if s, _ := l.status(); s.Cause.Why != vrrp.WhyResumed {
		t.Errorf("MASTER because of %v", s.Cause.Why)
	}
	for _, prio := range l.priorities() {
		if prio != 255 {
			t.Errorf("an advert of priority %d", prio)
		}
	}
	if n := l.changes(); n != 0 {
		t.Errorf("%d changes in the kernel", n)
	}
	third.stop(role.Stop{Within: 30 * time.Second, Keep: true})
	if !l.holds() {
		t.Error("-V did not keep the address")
	}
}

// TestRoleIsTooEarly: what comes before the first Prepare does no harm, nor does nonsense.
func TestRoleIsTooEarly(t *testing.T) {
	l := newLab(t)
	p := l.start("vrrp")
	nstest.OK(t, p.ctl.Send(role.Msg{Commit: &role.Gen{Gen: 1}}))
	nstest.OK(t, p.ctl.Send(role.Msg{Abort: &role.Gen{Gen: 1}}))
	a, b, err := role.Pair()
	nstest.OK(t, err)
	defer b.Close()
	nstest.OK(t, p.ctl.Send(role.Msg{Peer: &role.Peer{Role: role.Runner}}, a))
	nstest.OK(t, p.ctl.Send(role.Msg{Peer: &role.Peer{Role: role.Runner}}, l.pageFile)) // no socket at all
	a.Close()
	if r := p.prepare(role.Prepare{Gen: 1}, load(t, ownerConf)); !strings.Contains(r.Err, "no status page") {
		t.Errorf("%q", r.Err)
	}
	if r := p.prepare(role.Prepare{Gen: 2}, load(t, ownerConf), b); !strings.Contains(r.Err, "shared memory") {
		t.Errorf("%q", r.Err)
	}
	p.reload(role.Prepare{Gen: 3}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER", l.master)
	p.stop(role.Stop{Within: 30 * time.Second})

	early := l.start("vrrp")
	early.stop(role.Stop{Within: time.Second})
}

// TestRoleWithoutPermission: exit code 4, so that nobody tries again (rule C11).
func TestRoleWithoutPermission(t *testing.T) {
	l := newLab(t)
	p := l.start("without permission")
	r := p.prepare(role.Prepare{Gen: 1}, load(t, ownerConf), l.pageFile)
	if r.Exit != role.ExitPermission || r.Err == "" {
		t.Errorf("%+v", r)
	}
	if code := p.code(); code != role.ExitPermission {
		t.Errorf("exit code %d: %s", code, p.err)
	}
}

// TestRoleRemovesARouter: the one that a reload removes says goodbye although its socket is needed no more.
func TestRoleRemovesARouter(t *testing.T) {
	l := newLab(t)
	p := l.start("vrrp")
	p.reload(role.Prepare{Gen: 1}, ownerConf, l.pageFile)
	nstest.Eventually(t, "it is MASTER", l.master)
	l.priorities()
	p.reload(role.Prepare{Gen: 2, Reload: true}, "static_ipaddress { 198.51.100.9/32 dev eth0 }")
	var heard []byte
	nstest.Eventually(t, "it says goodbye", func() bool {
		heard = append(heard, l.priorities()...)
		return bytes.Contains(heard, []byte{0})
	})
	// Nobody takes over, so the address stays for one interval; a stop shortens that.
	p.stop(role.Stop{Within: 30 * time.Second})
	if l.holds() {
		t.Error("the address is still there")
	}
}

// TestRoleTakesAFlood: adverts for a known virtual router in any number neither stop the beat nor put off what has to be decided.
func TestRoleTakesAFlood(t *testing.T) {
	l := newLab(t)
	nstest.OK(t, l.far.AddAddr("eth0", "192.0.2.2/24"))
	p := l.start("vrrp")
	conf := strings.ReplaceAll(strings.ReplaceAll(ownerConf, "255", "100"), "advert_int 8", "advert_int 1")
	p.reload(role.Prepare{Gen: 1}, conf, l.pageFile)
	nstest.Eventually(t, "it listens", func() bool { s, ok := l.status(); return ok && s.State == vrrp.Backup })
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		junk := []byte{0x21, 51, 0, 0, 0, 1, 0, 0} // the checksum is wrong
		for {
			select {
			case <-stop:
				return
			default:
				_ = l.ear.Send(addr("192.0.2.2"), addr("224.0.0.18"), 255, 1, junk)
			}
		}
	}()
	begun := poll.Mono()
	nstest.Eventually(t, "it takes over nevertheless", l.master)
	beat := l.page.Beat()
	nstest.Eventually(t, "the beat goes on", func() bool { return l.page.Beat() > beat })
	close(stop)
	<-ended
	t.Logf("MASTER %v after the flood began", poll.Mono().Sub(begun))
	nstest.Eventually(t, "it is shown how late it was", func() bool {
		latest, most := l.page.Lateness()
		return latest > 0 && most > 0
	})
	p.stop(role.Stop{Within: 30 * time.Second})
}
