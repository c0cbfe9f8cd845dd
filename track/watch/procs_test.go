package watch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/clock"
	"holdfast.dev/track"
)

// fakeProc is a directory like /proc.
type fakeProc struct {
	t   *testing.T
	dir string
}

func newProc(t *testing.T) *fakeProc {
	p := &fakeProc{t, t.TempDir()}
	p.add(1, "init", 'S', "/sbin/init")
	return p
}

func (p *fakeProc) add(pid int, comm string, state byte, argv ...string) {
	dir := filepath.Join(p.dir, fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	write(p.t, dir+"/comm", comm+"\n")
	line := ""
	if len(argv) > 0 {
		line = strings.Join(argv, "\x00") + "\x00"
	}
	write(p.t, dir+"/cmdline", line)
	write(p.t, dir+"/stat", fmt.Sprintf("%d (%s) %c 1 1", pid, comm, state))
}

func (p *fakeProc) remove(pid int) {
	if err := os.RemoveAll(filepath.Join(p.dir, fmt.Sprint(pid))); err != nil {
		p.t.Fatal(err)
	}
}

func wallClock() clock.Now { return clock.Now{Mono: clock.Instant(time.Now().UnixNano())} }

func counting(t *testing.T, b *book, proc string, often time.Duration) *Processes {
	w := NewProcesses(ProcessOptions{Clock: wallClock, Emit: b.emit, Say: b.say, Proc: proc, Often: often, Seldom: time.Hour})
	t.Cleanup(w.Close)
	return w
}

func (b *book) is(t *testing.T, name string, want track.Status) {
	t.Helper()
	until(t, name+" is "+want.String(), func() bool { return b.state(name).Status == want })
}

func TestProcessesPolled(t *testing.T) {
	t.Parallel()
	p, b := newProc(t), newBook()
	p.add(70000, "haproxy", 'S', "/usr/sbin/haproxy", "-f", "/etc/a b.cfg")
	p.add(70001, "odd) Z (name", 'S', "odd")
	p.add(70002, "gone", 'Z')
	w := counting(t, b, p.dir, 2*time.Millisecond)
	w.Apply([]track.ProcessSpec{
		{Name: "one", Process: "haproxy", Quorum: 1, Max: -1},
		{Name: "two", Process: "haproxy", Quorum: 2, Max: -1},
		{Name: "full", Process: "/usr/sbin/haproxy", Full: true, Match: track.ExactParams, Params: []string{"-f", "/etc/a b.cfg"}, Quorum: 1, Max: -1},
		{Name: "odd", Process: "odd) Z (name", Quorum: 1, Max: -1},
		{Name: "zombie", Process: "gone", Quorum: 1, Max: -1},
		{Name: "none", Process: "mistake", Quorum: 0, Max: 0},
	}, nil, false)
	for name, want := range map[string]track.Status{
		"one": track.Up, "two": track.Down, "full": track.Up, "odd": track.Up, "zombie": track.Down, "none": track.Up,
	} {
		b.is(t, name, want)
	}
	p.add(70003, "haproxy", 'S', "/usr/sbin/haproxy", "-D")
	p.add(70004, "mistake", 'R', "mistake")
	b.is(t, "two", track.Up)
	b.is(t, "none", track.Down)
	p.remove(70000)
	p.remove(70004)
	b.is(t, "full", track.Down)
	b.is(t, "none", track.Up)
	if b.state("one").Status != track.Up || !b.heard("Quorum lost for tracked process two") && !b.heard("Quorum lost for tracked process full") {
		t.Error(b.said)
	}
	var all []string
	w.Each(func(st track.State) { all = append(all, st.Source) })
	if got := strings.Join(all, " "); got != "one two full odd zombie none" {
		t.Error(got)
	}
}

func TestProcessesReload(t *testing.T) {
	t.Parallel()
	p, b := newProc(t), newBook()
	p.add(7, "a", 'S', "a")
	w := counting(t, b, p.dir, 2*time.Millisecond)
	w.Apply([]track.ProcessSpec{{Name: "x", Process: "a", Quorum: 1, Max: -1}}, nil, false)
	b.is(t, "x", track.Up)
	w.Apply([]track.ProcessSpec{{Name: "x", Process: "b", Quorum: 1, Max: -1}, {Name: "y", Process: "a", Quorum: 2, Max: -1}}, nil, true)
	b.is(t, "x", track.Down)
	b.is(t, "y", track.Down)
	w.Apply([]track.ProcessSpec{{Name: "y", Process: "a", Quorum: 1, Max: -1}}, nil, true)
	b.is(t, "y", track.Up)
	w.Apply(nil, nil, true)
	w.Close()
	w.Apply([]track.ProcessSpec{{Name: "late", Process: "a"}}, nil, true)
	if b.state("late").Source != "" {
		t.Error("applied after the end")
	}
}

func TestHiddenProcesses(t *testing.T) {
	t.Parallel()
	p, b := newProc(t), newBook()
	p.remove(1)
	w := counting(t, b, p.dir, 2*time.Millisecond)
	w.Apply([]track.ProcessSpec{{Name: "x", Process: "a", Quorum: 1, Max: -1}}, nil, false)
	b.is(t, "x", track.Down)
	if !b.heard("hidepid") {
		t.Error(b.said)
	}
}

// TestProcessEvents: the kernel tells of real processes; /proc is read only once.
func TestProcessEvents(t *testing.T) {
	t.Parallel()
	events, err := OpenEvents(0, false)
	if err != nil {
		t.Skip(err)
	}
	b := newBook()
	w := counting(t, b, "/proc", time.Hour)
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("hf%d", os.Getpid())
	prog := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(prog, shell, 0o755); err != nil {
		t.Fatal(err)
	}
	w.Apply([]track.ProcessSpec{
		{Name: "comm", Process: name, Quorum: 1, Max: -1},
		{Name: "two", Process: name, Quorum: 2, Max: -1},
		{Name: "full", Process: prog, Full: true, Match: track.InitialParams, Params: []string{"-c", "read x; "}, Quorum: 1, Max: -1},
		{Name: "renamed", Process: "other" + name, Quorum: 1, Max: -1},
	}, events, false)
	for _, s := range []string{"comm", "two", "full", "renamed"} {
		b.is(t, s, track.Down)
	}
	run := func(script string) (*exec.Cmd, io.Writer) {
		c := exec.Command(prog, "-c", script)
		in, err := c.StdinPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		return c, in
	}
	end := func(c *exec.Cmd) { _ = c.Process.Kill(); _ = c.Wait() }
	first, _ := run("read x; exit")
	second, tell := run("read line; printf other" + name + " >/proc/$$/comm; read line")
	defer end(first)
	defer end(second)
	b.is(t, "comm", track.Up)
	b.is(t, "two", track.Up)
	b.is(t, "full", track.Up)
	fmt.Fprintln(tell, "go on")
	b.is(t, "renamed", track.Up)
	b.is(t, "two", track.Down)
	end(first)
	b.is(t, "comm", track.Down)
	b.is(t, "full", track.Down)
	end(second)
	b.is(t, "renamed", track.Down)
}

// TestEventsLost: when the kernel had no room for all it had to tell, /proc is read.
func TestEventsLost(t *testing.T) {
	t.Parallel()
	p, b := newProc(t), newBook()
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := counting(t, b, p.dir, time.Hour)
	w.Apply([]track.ProcessSpec{{Name: "x", Process: "a", Quorum: 1, Max: -1}}, os.NewFile(uintptr(fd[0]), "events"), false)
	b.is(t, "x", track.Down)
	reader := make(chan *eventReader, 1)
	w.post <- func() { reader <- w.events }
	r := <-reader
	w.post <- func() {} // /proc was read after the one before
	p.add(9, "a", 'S', "a")
	r.pass(nil)
	b.is(t, "x", track.Up)
	_ = unix.Close(fd[1])
	w.Apply(nil, nil, true)
}

func TestParseEvents(t *testing.T) {
	t.Parallel()
	u32 := func(v ...uint32) (b []byte) {
		for _, x := range v {
			b = append(b, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
		}
		return b
	}
	msg := func(what uint32, data []byte) []byte {
		body := append(u32(what, 0, 0, 0), data...)
		cn := append(u32(cnIdxProc, cnValProc, 0, 0, uint32(len(body))), body...)
		return append(u32(uint32(16+len(cn)), nlmsgDone, 0, 0), cn...)
	}
	var all []byte
	all = append(all, msg(eventFork, u32(10, 10, 70000, 70000))...)
	all = append(all, msg(eventFork, u32(10, 10, 12, 70000))...) // a thread
	all = append(all, msg(eventExec, u32(70000, 70000, 0, 0))...)
	all = append(all, msg(eventComm, append(u32(5, 5), "abc\x00rest of it.."...))...)
	all = append(all, msg(eventComm, append(u32(6, 5), "thread\x00123456789"...))...)
	all = append(all, msg(eventExit, u32(70000, 70000, 0, 0))...)
	all = append(all, msg(4, u32(1, 1, 1, 1))...) // of a user
	want := "[{1 70000 10 } {2 70000 0 } {512 5 0 abc} {2147483648 70000 0 }]"
	if got := fmt.Sprint(parseEvents(all, nil)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for i := range all {
		parseEvents(all[:i], nil) // cut anywhere
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte{16, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, b []byte) { parseEvents(b, nil) })
}
