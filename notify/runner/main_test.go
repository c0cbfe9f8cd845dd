package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast.dev/notify"
	"holdfast.dev/notify/script"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

const (
	launcherName = "test-launcher"
	roleName     = "test-runner"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Args[0] {
	case launcherName:
		err = script.RunLauncher()
	case roleName:
		var ctl *role.Conn
		if ctl, err = role.NewConn(os.NewFile(3, "control")); err == nil {
			err = Run(ctl, testOptions())
		}
	default:
		goleak.VerifyTestMain(m)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func testOptions() Options {
	return Options{Specs: readSpecs, Script: script.Options{Launcher: []string{launcherName}}}
}

// specs is the configuration as these tests hand it over.
type specs struct {
	Notify notify.Spec
	Track  []track.Spec
}

func readSpecs(f *os.File, gen uint64) (*notify.Spec, []track.Spec, error) {
	var s specs
	if err := json.NewDecoder(io.NewSectionReader(f, 0, 1<<20)).Decode(&s); err != nil {
		return nil, nil, err
	}
	s.Notify.Gen = gen
	return &s.Notify, s.Track, nil
}

// super plays supervisor and vrrp role for one runner.
type super struct {
	t       *testing.T
	ctl     *role.Conn
	peer    *role.Conn
	journal *os.File
	msgs    *record   // from control
	said    *record   // from the direct sockets
	cmd     *exec.Cmd // nil when it runs in this process
	ended   chan error
}

// startRole runs the role, in a process of its own or in this one.
func startRole(t *testing.T, own bool, journal *os.File) *super {
	t.Helper()
	ours, theirs, err := role.Pair()
	if err != nil {
		t.Fatal(err)
	}
	s := &super{t: t, journal: journal, msgs: &record{}, said: &record{}, ended: make(chan error, 1)}
	if s.ctl, err = role.NewConn(ours); err != nil {
		t.Fatal(err)
	}
	go pump(s.ctl, s.msgs)
	if own {
		s.cmd = &exec.Cmd{Path: "/proc/self/exe", Args: []string{roleName}, ExtraFiles: []*os.File{theirs}, Stderr: os.Stderr}
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		go func() { s.ended <- s.cmd.Wait() }()
	} else {
		conn, err := role.NewConn(theirs)
		if err != nil {
			t.Fatal(err)
		}
		go func() { s.ended <- Run(conn, testOptions()) }()
	}
	t.Cleanup(func() {
		s.ctl.Close()
		if s.peer != nil {
			s.peer.Close()
		}
		if s.cmd != nil {
			_ = s.cmd.Process.Kill()
		}
		select {
		case <-s.ended:
		case <-time.After(time.Minute):
			t.Error("the role does not end")
		}
	})
	return s
}

// record keeps messages until somebody asks for them, in any order.
type record struct {
	mu   sync.Mutex
	msgs []role.Msg
}

func pump(c *role.Conn, to *record) {
	for {
		m, files, err := c.Recv()
		closeAll(files)
		if err != nil {
			return
		}
		to.mu.Lock()
		to.msgs = append(to.msgs, m)
		to.mu.Unlock()
	}
}

// take gives the first message that fits, once.
func (r *record) take(ok func(role.Msg) bool) (role.Msg, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, m := range r.msgs {
		if ok(m) {
			r.msgs = slices.Delete(r.msgs, i, i+1)
			return m, true
		}
	}
	return role.Msg{}, false
}

func (s *super) prepare(gen uint64, conf specs, p role.Prepare) {
	s.t.Helper()
	f, err := role.MemFile("config")
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	b, _ := json.Marshal(conf)
	if _, err := f.Write(b); err != nil {
		s.t.Fatal(err)
	}
	files := []*os.File{f}
	if s.journal != nil {
		files = append(files, s.journal)
	}
	p.Gen = gen
	s.send(role.Msg{Prepare: &p}, files...)
}

func (s *super) send(m role.Msg, files ...*os.File) {
	s.t.Helper()
	if err := s.ctl.Send(m, files...); err != nil {
		s.t.Fatal(err)
	}
}

// configure prepares and commits.
func (s *super) configure(gen uint64, conf specs, p role.Prepare) {
	s.t.Helper()
	s.prepare(gen, conf, p)
	if r := s.await("Ready", func(m role.Msg) bool { return m.Ready != nil }).Ready; r.Err != "" {
		s.t.Fatal(r.Err)
	}
	s.send(role.Msg{Commit: &role.Gen{Gen: gen}})
	s.await("Done", func(m role.Msg) bool { return m.Done != nil })
}

// link gives the role a new direct socket.
func (s *super) link() {
	s.t.Helper()
	ours, theirs, err := role.Pair()
	if err != nil {
		s.t.Fatal(err)
	}
	defer theirs.Close()
	if s.peer != nil {
		s.peer.Close()
	}
	if s.peer, err = role.NewConn(ours); err != nil {
		s.t.Fatal(err)
	}
	go pump(s.peer, s.said)
	s.send(role.Msg{Peer: &role.Peer{Role: role.VRRP}}, theirs)
}

func (s *super) event(ev notify.Event) {
	s.t.Helper()
	if err := s.peer.Send(role.Msg{Event: &ev}); err != nil {
		s.t.Fatal(err)
	}
}

// await waits for a message on the control socket; awaitPeer for one on the direct socket.
func (s *super) await(what string, ok func(role.Msg) bool) role.Msg {
	s.t.Helper()
	return wait(s.t, s.msgs, what, ok)
}

func (s *super) awaitPeer(what string, ok func(role.Msg) bool) role.Msg {
	s.t.Helper()
	return wait(s.t, s.said, what, ok)
}

func wait(t *testing.T, from *record, what string, ok func(role.Msg) bool) role.Msg {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if m, found := from.take(ok); found {
			return m
		}
	}
	t.Fatalf("no %s", what)
	return role.Msg{}
}

func logged(part string) func(role.Msg) bool {
	return func(m role.Msg) bool { return m.Log != nil && strings.Contains(m.Log.Text, part) }
}

// diary is a file that scripts write lines to.
type diary struct {
	t    *testing.T
	path string
}

func newDiary(t *testing.T) *diary { return &diary{t, filepath.Join(t.TempDir(), "diary")} }

// script is a shell script that runs before, then writes its words with more arguments, then runs after.
func (d *diary) script(words, before, after string) notify.Script {
	line := fmt.Sprintf(`%s
echo "%s $*" >>%s
%s`, before, words, d.path, after)
	return notify.Script{Args: []string{"/bin/sh", "-c", line, "sh"}, UID: uid, GID: gid}
}

func (d *diary) read() []string {
	b, _ := os.ReadFile(d.path)
	var out []string
	for l := range strings.Lines(string(b)) {
		out = append(out, strings.TrimSpace(l))
	}
	return out
}

// wait waits until there are n lines.
func (d *diary) wait(n int) []string {
	d.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if got := d.read(); len(got) >= n {
			return got
		}
	}
	d.t.Fatalf("only %q", d.read())
	return nil
}

func (d *diary) want(lines ...string) {
	d.t.Helper()
	if got, want := strings.Join(d.wait(len(lines)), "\n"), strings.Join(lines, "\n"); got != want {
		d.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func dup(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), f.Name())
}
