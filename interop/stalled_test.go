package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/api"
	"holdfast.dev/interop/lab"
	"holdfast.dev/supervisor"
)

// The world around a master stalls: file systems, the table of processes, disks, the system log. Its adverts go on, it moves when it has to
// and as fast as ever, and when the world is well again everything else is too.

// stalled is a pair whose preferred router runs scripts, and is in FAULT while a file says so.
type stalled struct {
	*pair
	dir string
	old family
}

// newStalled starts one. chk is the script that it tracks, told the one that it notifies; scripts are more vrrp_script blocks.
func newStalled(t *testing.T, dir string, prog lab.Program, chk, told string, scripts []string, args ...string) *stalled {
	t.Helper()
	put(t, dir, "fault", "0")
	s := &stalled{dir: dir}
	s.pair = startPair(t, prog, lab.Keepalived(t), func(f *lab.File) {
		tracked := "track_script {\n\t\tchk\n"
		f.Scripts = append(scripts,
			fmt.Sprintf("track_file fault {\n\tfile %s/fault\n}", dir),
			fmt.Sprintf("vrrp_script chk {\n\tscript %s\n\tinterval 1\n\ttimeout 1\n\tweight 5\n\trise 1\n\tfall 1\n}", chk))
		lines := []string{"track_file {\n\t\tfault weight 0\n\t}", "notify " + told}
		for _, b := range scripts {
			switch words := strings.Fields(b); words[0] {
			case "vrrp_script":
				tracked += "\t\t" + words[1] + "\n"
			case "vrrp_check":
				lines = append(lines, "track_check {\n\t\t"+words[1]+"\n\t}")
			case "vrrp_track_process":
				lines = append(lines, "track_process {\n\t\t"+words[1]+"\n\t}")
			}
		}
		f.Routers[0].Lines = append(lines, tracked+"\t}")
	}, args...)
	s.a.Daemon().WaitLog(0, "VRRP_Script(chk) succeeded", 3*second)
	s.old = familyOf(s.a.Daemon())
	return s
}

// move has the master become FAULT, and master again, each as fast as ever.
func (s *stalled) move() {
	s.T.Helper()
	s.s.Move(s.b, skewLow, func() { s.tell("1") })
	s.s.Move(s.a, downHigh, func() { s.tell("0") })
}

func (s *stalled) tell(number string) {
	next := filepath.Join(s.dir, "next")
	if err := os.WriteFile(next, []byte(number), 0o644); err != nil {
		s.T.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(s.dir, "fault")); err != nil {
		s.T.Fatal(err)
	}
}

// well looks whether all processes have lived through it, and nobody noticed anything.
func (s *stalled) well() {
	s.T.Helper()
	if now := familyOf(s.a.Daemon()); now != s.old {
		s.T.Errorf("the processes were %+v and are %+v", s.old, now)
	}
	for _, bad := range []string{"has shown no heartbeat", "has not answered", "did not answer in time", "Respawning", "can't be told anything"} {
		if strings.Contains(s.a.Daemon().Log(), bad) {
			s.T.Errorf("a process of ours %s", bad)
		}
	}
}

// heard waits until the scripts that notify have written these states.
func (s *stalled) heard(out string, states ...string) {
	s.T.Helper()
	got := ""
	s.WaitFor("scripts have told of "+strings.Join(states, " "), 5*second, func() bool {
		b, _ := os.ReadFile(out)
		got = strings.Join(strings.Fields(string(b)), " ")
		return len(strings.Fields(got)) >= len(states)
	})
	if got != strings.Join(states, " ") {
		s.T.Errorf("scripts were told %s", got)
	}
}

// TestStallFiles: the file system of all scripts hangs. One that was told to end can't be killed (state D); a reload, which looks at them, waits for
// as long as that takes; a stop does not.
func TestStallFiles(t *testing.T) {
	if reference() {
		t.Skip("a property of ours")
	}
	needRoot(t)
	t.Parallel()
	long(t)
	dir := ownedBy(t, 0) // the check is made by somebody else
	out := filepath.Join(dir, "out")
	disk := lab.NewStuck(t, map[string]string{"chk": "#!/bin/sh\nexit 0\n", "told": "#!/bin/sh\necho $3 >>" + out + "\n"})
	s := newStalled(t, dir, ours(t), disk.Path("chk"), disk.Path("told"), []string{
		"vrrp_check there {\n\tfile_exists " + disk.Path("chk") + "\n\tinterval 0.05\n\tweight 1\n}",
	})
	s.heard(out, "BACKUP", "MASTER")
	d := s.a.Daemon()
	d.WaitLog(0, "VRRP_Check(there) succeeded", 3*second)
	skip := len(d.Log())
	aux := auxOf(t, d)
	before := threads(aux)
	disk.Hang()
	s.WaitFor("a script can't be killed", 5*second, func() bool {
		for _, pid := range children(s.old.runner) {
			if state(pid) == "D" {
				return true
			}
		}
		return false
	})
	d.WaitLog(skip, "VRRP_Script(chk) failed (timed_out, and can't be killed)", 0)
	// Whoever asks is told what it is that hangs.
	client := api.NewClient(filepath.Join(d.Dir, "main.sock"))
	defer client.Close()
	st, err := client.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range st.Trackers {
		if k.Name == "chk" && (k.Running.IsZero() || k.Last == nil || k.Last.Outcome != "exited with status 0") {
			t.Errorf("of the script it is said: %+v, %+v", k, k.Last)
		}
	}
	s.move()
	d.Reload(s.file.Text())
	s.s.Stay(2 * second)
	if log := d.Log()[skip:]; strings.Contains(log, "Reload finished") {
		t.Error("the reload did not look at the scripts: is the file system not hung?")
	}
	if now := threads(aux); now > before+8 {
		t.Errorf("a check that asks whether a file exists has been started some hundred times since the file system hangs: %d threads, which were %d", now, before)
	}
	disk.Release()
	d.WaitLog(skip, "Reload finished", second)
	d.WaitLog(skip, "VRRP_Script(chk) succeeded", 12*second) // the next signal to a run that was to be killed comes after 10 s at most
	s.heard(out, "BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER")
	s.well()

	disk.Hang()
	s.WaitFor("somebody waits for the file system", 5*second, func() bool { return disk.Held() > 0 })
	s.s.Move(s.b, skewLow, func() { d.Signal(unix.SIGTERM) })
	if code := d.Wait(15 * second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// state is the state of a process, as ps shows it.
func state(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	text := string(b)
	if f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]); len(f) > 0 {
		return f[0]
	}
	return ""
}

// threads is how many a process has.
func threads(pid int) int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(entries)
}

// TestStallProcesses: a script is a fork bomb, then there is no room for any process or thread more, then somebody makes as many of them a second
// as the machine can while the daemon counts processes.
func TestStallProcesses(t *testing.T) {
	if reference() {
		t.Skip("a property of ours")
	}
	needRoot(t)
	t.Parallel()
	long(t)
	dir := t.TempDir()
	out, bomb, told := filepath.Join(dir, "out"), filepath.Join(dir, "bomb"), filepath.Join(dir, "told")
	// Of lower priority than what else runs on this machine: it is the table of processes that is to be short.
	writeProgram(t, bomb, "[ -e "+dir+"/go ] || exit 0\nrenice -n 19 $$ >/dev/null\ntouch "+dir+"/went\nb() { b | b & }\nb\nsleep 60\n")
	writeProgram(t, told, "echo $3 >>"+out+"\n")
	crowd := lab.NewCrowd(t)
	s := newStalled(t, dir, crowd.Wrap(ours(t)), "/bin/true", told, []string{
		"vrrp_script bomb {\n\tscript " + bomb + "\n\tinterval 1\n\ttimeout 1\n\tweight 1\n}",
		"vrrp_track_process web {\n\tprocess no-such-server\n\tweight 1\n}",
	})
	d := s.a.Daemon()

	crowd.Bound(40)
	put(t, dir, "go", "")
	s.WaitFor("the fork bomb has run", 5*second, func() bool { _, err := os.Stat(filepath.Join(dir, "went")); return err == nil })
	s.move()
	if err := os.Remove(filepath.Join(dir, "go")); err != nil {
		t.Fatal(err)
	}
	s.WaitFor("nothing is left of the fork bomb", 10*second, func() bool { return len(children(s.old.runner)) <= 2 })

	crowd.Full()
	refused := crowd.Refused()
	s.WaitFor("somebody is refused a process", 3*second, func() bool { return crowd.Refused() > refused })
	s.move()
	skip := len(d.Log())
	crowd.Open()
	d.WaitLog(skip, "VRRP_Script(chk) succeeded", 3*second)
	d.WaitLog(skip, "VRRP_Script(bomb) succeeded", 12*second)

	t.Logf("%d processes were made a second", lab.Forks(t, 3*second))
	s.move()
	s.s.Stay(second)
	s.well()
	again := []string{"FAULT", "BACKUP", "MASTER"} // what could not be started was started when it could
	s.heard(out, slices.Concat([]string{"BACKUP", "MASTER"}, again, again, again)...)
}

func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestStallWriting: nobody reads the system log, the file system of the log files hangs, and the one of pid files, state file and dumps is full.
func TestStallWriting(t *testing.T) {
	if reference() {
		t.Skip("a property of ours")
	}
	needRoot(t)
	t.Parallel()
	long(t)
	dir := t.TempDir()
	full := newDisk(t, "size=256k")
	hung := lab.NewStuck(t, map[string]string{"log": "", "log_vrrp": "", "log_runner": "", "log_aux": ""})
	sock, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "syslog"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	// In a mount namespace of its own /dev/log is our socket. The lab's daemons are told to leave it alone, this one is not.
	prog := lab.Wrap(t, ours(t), fmt.Sprintf(`n=$#
while [ $n -gt 0 ]; do a=$1; shift; [ "$a" = -G ] || set -- "$@" "$a"; n=$((n-1)); done
export TMPDIR=%s
[ "$IN" ] || { IN=1; export IN; exec unshare -m "$0" "$@"; }
mount --make-rprivate / && mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && ln -s %s /dev/log || exit`,
		full.dir, filepath.Join(dir, "syslog")))
	writeProgram(t, filepath.Join(dir, "told"), "exit 0\n")
	s := newStalled(t, dir, prog, "/bin/true", filepath.Join(dir, "told"), nil, "-p", full.file("main.pid"), "-g", hung.Path("log"),
		"--trace="+hung.Path("recording"))
	d := s.a.Daemon()
	buf := make([]byte, 16<<10)
	if n, err := sock.Read(buf); err != nil || !strings.Contains(string(buf[:n]), "Keepalived") {
		t.Fatalf("the system log has %q, %v", buf[:n], err)
	}
	hung.Hang()
	full.fill()
	signals := []unix.Signal{unix.SIGUSR1, unix.SIGUSR2, sigJSON, unix.Signal(63)}
	for range 50 {
		for _, sig := range signals {
			d.Signal(sig)
		}
	}
	for range 5 { // to say much
		d.Reload(s.file.Text())
		s.s.Stay(second / 2)
	}
	// A recording is to begin there too. Who waits for its file is not who has everything else done.
	trace, err := supervisor.SignalNumber("TRACE")
	if err != nil {
		t.Fatal(err)
	}
	skip := len(d.Log())
	d.Signal(unix.Signal(trace))
	s.WaitFor("somebody waits for the file system", 10*second, func() bool { return hung.Held() > 0 })
	d.Signal(unix.Signal(trace))
	d.WaitLog(skip, "has not begun: its file system does not answer", 10*second)
	d.Reload(s.file.Text())
	d.WaitLog(skip, "Reload finished", 10*second)
	s.move()
	if left, _ := filepath.Glob(full.file(".keepalived*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Remove(full.file("filler")); err != nil {
		t.Fatal(err)
	}
	hung.Release()
	s.WaitFor("dumps are written again", 5*second, func() bool {
		d.Signal(unix.SIGUSR1)
		time.Sleep(50 * time.Millisecond)
		b, _ := os.ReadFile(full.file("keepalived.data"))
		return strings.Contains(string(b), "VRRP Instance = VI_1")
	})
	text := ""
	s.WaitFor("the system log is told what it has missed", 5*second, func() bool {
		d.Signal(unix.SIGUSR1)
		_ = sock.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		for {
			n, err := sock.Read(buf)
			if err != nil {
				return strings.Contains(text, "log lines were lost")
			}
			text += string(buf[:n]) + "\n"
		}
	})
	s.well()
}
