package supervisor

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/internal/shm"
	"holdfast.dev/status"
	"holdfast.dev/supervisor/role"
)

// The test program is also the daemon, with scripted roles. The configuration is a config.Config as JSON; what a role does
// stands in router_id: words of the form role:deed.
const testEnv = "SUPERVISOR_TEST"

func TestMain(m *testing.M) {
	fakes := map[role.Name]Main{role.VRRP: fake(role.VRRP), role.Runner: fake(role.Runner)}
	if code, ok := RunRole(fakes); ok {
		os.Exit(code)
	}
	if text := os.Getenv(testEnv); text != "" {
		var opt Options
		if err := json.Unmarshal([]byte(text), &opt); err != nil {
			panic(err)
		}
		os.Exit(runDaemon(opt, fakes))
	}
	goleak.VerifyTestMain(m)
}

func runDaemon(opt Options, mains map[role.Name]Main) int {
	opt.Args = os.Args
	report := func(int) {}
	if !opt.Foreground {
		code, done, tell, err := Daemonise()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if done {
			return code
		}
		report = tell
	}
	hooks := Hooks{
		Load: func(bool) config.Result { return loadJSON(opt.ConfigFile) }, Mains: mains, Program: program,
		Sweep: func(path string, _ *config.Config) ([]string, error) {
			f, err := os.OpenFile(filepath.Join(filepath.Dir(opt.ConfigFile), "swept"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			_, err = fmt.Fprintln(f, path)
			return nil, err
		},
	}
	code := New(opt, hooks).Run(func() { report(0) })
	report(code)
	return code
}

func loadJSON(path string) config.Result {
	res := config.Result{Diags: new(diag.List)}
	text, err := os.ReadFile(path)
	if err != nil {
		res.Diags.Add(diag.Diagnostic{Severity: diag.Fatal, Class: diag.OK, Text: err.Error()})
		return res
	}
	res.Config, res.Merged = new(config.Config), string(text)
	if err := json.Unmarshal(text, res.Config); err != nil {
		res.Config = nil
		res.Diags.Add(diag.Diagnostic{Severity: diag.Fatal, Class: diag.GeneralError, Text: "broken file"})
		return res
	}
	if res.Config.Global.RouterID == "mistake" {
		res.Diags.Add(diag.Diagnostic{Severity: diag.Error, Class: diag.GeneralError, Text: "a mistake"})
	}
	if sign := res.Config.Global.Dirs.State; sign != "" { // what is there while files are read
		if st, err := os.Lstat(sign); err == nil {
			_ = os.WriteFile(filepath.Join(filepath.Dir(path), "seen"), fmt.Appendln(nil, st.Mode()), 0o600)
		}
	}
	return res
}

// actor is a scripted role.
type actor struct {
	name  role.Name
	conn  *role.Conn
	dir   string
	deeds map[string]string
	page  *status.Page
}

func fake(name role.Name) Main {
	return func(conn *role.Conn) error {
		a := &actor{name: name, conn: conn}
		for {
			m, files, err := conn.Recv()
			if err != nil {
				a.say("lost the supervisor")
				return err
			}
			stop, err := a.obey(&m, files)
			for _, f := range files {
				f.Close()
			}
			if stop || err != nil {
				return err
			}
		}
	}
}

func (a *actor) say(format string, args ...any) {
	text := string(a.name) + ": " + fmt.Sprintf(format, args...)
	_ = a.conn.Send(role.Msg{Log: &role.Log{Text: text, At: time.Now().UnixNano()}})
	if a.dir != "" {
		f, err := os.OpenFile(filepath.Join(a.dir, "trace"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintln(f, text)
			f.Close()
		}
	}
}

func (a *actor) has(deed string) bool { _, ok := a.deeds[deed]; return ok }

// once reports whether the role is to do something that it does not do again in its next life.
func (a *actor) once(deed string) bool {
	if !a.has(deed) {
		return false
	}
	return os.Mkdir(filepath.Join(a.dir, string(a.name)+"-"+deed), 0o700) == nil
}

func (a *actor) obey(m *role.Msg, files []*os.File) (stop bool, err error) {
	switch {
	case m.Prepare != nil:
		return false, a.prepare(m.Prepare, files)
	case m.Commit != nil:
		return false, a.commit(m.Commit.Gen)
	case m.Abort != nil:
		a.say("abort %d", m.Abort.Gen)
	case m.Peer != nil:
		a.say("peer %s with %d descriptors", m.Peer.Role, len(files))
	case m.Signal != nil:
		a.say("signal %d", m.Signal.Number)
	case m.Stop != nil:
		a.say("stop keep=%v", m.Stop.Keep)
		if a.has("deaf") {
			time.Sleep(time.Hour)
		}
		return true, nil
	}
	return false, nil
}

func (a *actor) prepare(p *role.Prepare, files []*os.File) error {
	c, err := role.ReadConfig(files[0])
	if err != nil {
		return err
	}
	a.dir, a.deeds = c.ID, make(map[string]string)
	for _, w := range strings.Fields(c.Global.RouterID) {
		if name, deed, _ := strings.Cut(w, ":"); name == string(a.name) {
			deed, arg, _ := strings.Cut(deed, "=")
			a.deeds[deed] = arg
		}
	}
	a.say("prepare %d reload=%v resume=%v descriptors=%d", p.Gen, p.Reload, p.Resume, len(files))
	if len(files) > 1 && a.name == role.VRRP {
		mem, err := shm.Map(files[1], status.Size)
		if err != nil {
			return err
		}
		if a.page, err = status.Open(mem); err != nil {
			return err
		}
	}
	switch {
	case a.has("exit"):
		code, _ := strconv.Atoi(a.deeds["exit"])
		return &role.Permanent{Code: code, Err: errors.New("as told")}
	case a.once("panic"):
		go func() { panic("as told") }()
		time.Sleep(time.Hour)
	case a.once("mute"):
		return nil
	case a.has("gate"):
		for gate := filepath.Join(a.dir, fmt.Sprint("gate-", p.Gen)); ; time.Sleep(5 * time.Millisecond) {
			if _, err := os.Lstat(gate); err == nil {
				break
			}
		}
	case a.has("nonsense"):
		return a.conn.Send(role.Msg{Stop: &role.Stop{}})
	}
	r := role.Ready{Gen: p.Gen}
	if a.has("refuse") {
		r.Err, r.Exit = "no such interface", role.ExitConfig
	}
	return a.conn.Send(role.Msg{Ready: &r})
}

func (a *actor) commit(gen uint64) error {
	a.say("commit %d", gen)
	if a.page != nil && !a.has("still") {
		page := a.page
		go func() {
			for {
				page.AddBeat()
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	if a.has("try") {
		a.try()
	}
	if a.has("orphan") {
		cmd := exec.Command("/bin/sh", "-c", "sleep 0.1 & sleep 0.2 & sleep 0.3 & exit 0")
		if err := cmd.Run(); err != nil {
			a.say("orphan: %v", err)
		}
	}
	return a.conn.Send(role.Msg{Done: &role.Gen{Gen: gen}})
}

// host runs daemons for one test.
type host struct {
	t   *testing.T
	dir string
	opt Options
	cfg config.Config
}

// quick limits for tests; nothing is asserted about how long anything takes.
func newHost(t *testing.T) *host {
	h := &host{t: t, dir: t.TempDir()}
	h.opt = Options{
		Called: "keepalived", Version: "test", ConfigFile: filepath.Join(h.dir, "config"), RunDir: h.dir,
		Console: true, Foreground: true, NoSyslog: true, Umask: -1, Reap: true,
		Open: true, // the scripted roles write files
		Timing: Timing{
			Tick: 20 * time.Millisecond, Still: 3000, Prepare: time.Minute, Die: 100 * time.Millisecond,
			Delays: []time.Duration{0, 10 * time.Millisecond},
		},
	}
	h.cfg = config.Config{ID: h.dir, Parts: config.Parts{VRRP: true}}
	h.cfg.Scripts = []config.Script{{Name: "s"}}
	h.cfg.Process.ChildWait = 20 * time.Second
	return h
}

// deeds writes the configuration with what the roles are to do.
func (h *host) deeds(words string) {
	h.t.Helper()
	h.cfg.Global.RouterID = words
	h.write()
}

func (h *host) write() {
	text, err := json.Marshal(&h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.raw(string(text))
}

func (h *host) raw(text string) {
	h.t.Helper()
	if err := os.WriteFile(h.opt.ConfigFile, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// daemon is a running one.
type instance struct {
	t     *testing.T
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	lines []string
	more  chan struct{}
	read  int // lines that wait has gone past
}

func (h *host) start() *instance { return h.startWith(nil) }

func (h *host) startWith(change func(*exec.Cmd)) *instance {
	h.t.Helper()
	text, err := json.Marshal(&h.opt)
	if err != nil {
		h.t.Fatal(err)
	}
	d := &instance{t: h.t, cmd: exec.Command("/proc/self/exe", "-n"), ended: make(chan struct{}), more: make(chan struct{}, 1)}
	d.cmd.Args[0] = "keepalived"
	d.cmd.Env = append(os.Environ(), testEnv+"="+string(text), "TMPDIR="+h.t.TempDir())
	if change != nil {
		change(d.cmd)
	}
	out, err := d.cmd.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go d.listen(bufio.NewScanner(out))
	h.t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.ended
		if h.t.Failed() {
			h.t.Logf("the daemon said:\n%s", strings.Join(d.lines, "\n"))
		}
	})
	return d
}

func (d *instance) listen(in *bufio.Scanner) {
	for in.Scan() {
		_, text, _ := strings.Cut(in.Text(), time.Now().Format(" 2006: "))
		if text == "" {
			text = in.Text()
		}
		d.mu.Lock()
		d.lines = append(d.lines, text)
		d.mu.Unlock()
		select {
		case d.more <- struct{}{}:
		default:
		}
	}
	_ = d.cmd.Wait()
	close(d.ended)
}

// patience is how long something may take that is sure to come.
const patience = 60 * time.Second

// wait goes on to the next line that matches, and gives its parenthesised part.
func (d *instance) wait(pattern string) string {
	d.t.Helper()
	re := regexp.MustCompile("^" + pattern)
	limit := time.After(patience)
	for {
		d.mu.Lock()
		for d.read < len(d.lines) {
			line := d.lines[d.read]
			d.read++
			if m := re.FindStringSubmatch(line); m != nil {
				d.mu.Unlock()
				return m[len(m)-1]
			}
		}
		d.mu.Unlock()
		select {
		case <-d.more:
		case <-d.ended:
			d.mu.Lock()
			left := d.read < len(d.lines)
			d.mu.Unlock()
			if !left {
				d.t.Fatalf("the daemon ended without %q", pattern)
			}
		case <-limit:
			d.t.Fatalf("%q did not come", pattern)
		}
	}
}

// waitAll waits for several lines in any order. Lines of different processes have none: each process has a connection of its own, and
// its end is noticed by another way.
func (d *instance) waitAll(patterns ...string) {
	d.t.Helper()
	from, to := d.read, d.read
	for _, p := range patterns {
		d.read = from
		d.wait(p)
		to = max(to, d.read)
	}
	d.read = to
}

func (d *instance) count(pattern string) (n int) {
	re := regexp.MustCompile(pattern)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		if re.MatchString(l) {
			n++
		}
	}
	return n
}

func (d *instance) signal(s unix.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// exit waits for the end and gives the exit code.
func (d *instance) exit() int {
	d.t.Helper()
	select {
	case <-d.ended:
	case <-time.After(patience):
		d.t.Fatal("the daemon does not end")
	}
	return d.cmd.ProcessState.ExitCode()
}

// stop ends the daemon politely.
func (d *instance) stop() {
	d.t.Helper()
	d.signal(unix.SIGTERM)
	if code := d.exit(); code != 0 {
		d.t.Fatalf("exit code %d", code)
	}
}

// eventually polls for what is sure to come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// swept is how often the kernel was swept.
func (h *host) swept() int {
	text, _ := os.ReadFile(filepath.Join(h.dir, "swept"))
	return strings.Count(string(text), filepath.Join(h.dir, "keepalived.state")+"\n")
}

func exists(pid int) bool {
	return unix.Kill(pid, 0) == nil || errors.Is(unix.Kill(pid, 0), unix.EPERM)
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
