package script

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkStart measures from the request to the first instruction of a shell script, for 1, 50 and 250 at once, by the
// launcher and, for comparison, by what else there is. "floor" is a bare loop of fork and exec in a small process.
// Run it with -benchtime 20x; each round starts all scripts once.
func BenchmarkStart(b *testing.B) {
	s := newStarter(b, Options{})
	b.Cleanup(func() {
		if directOnce.ch != nil {
			close(directOnce.ch)
		}
	})
	ways := []struct {
		name  string
		start starter
	}{
		{"launcher", func(path string, done *sync.WaitGroup) {
			c := own(path)
			c.Capture = false
			s.Start(c, nil, func(Result) { done.Done() })
		}},
		{"osexec", func(path string, done *sync.WaitGroup) {
			go func() {
				defer done.Done()
				_ = exec.Command(path).Run()
			}()
		}},
		{"direct", func(path string, done *sync.WaitGroup) { direct(path, done) }},
	}
	for _, n := range []int{50, 250} {
		b.Run(fmt.Sprintf("floor/%d", n), func(b *testing.B) { floor(b, n) })
	}
	for _, way := range ways {
		for _, n := range []int{1, 50, 250} {
			b.Run(fmt.Sprintf("%s/%d", way.name, n), func(b *testing.B) { measure(b, n, way.start) })
		}
	}
}

var directOnce struct {
	sync.Once
	ch chan func()
	l  *launcher
}

// direct forks this very process, as the launcher does itself.
func direct(path string, done *sync.WaitGroup) {
	directOnce.Do(func() {
		directOnce.ch = make(chan func(), 1000)
		l := &launcher{}
		l.null, _ = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		for _, kv := range os.Environ() {
			p, _ := syscall.BytePtrFromString(kv)
			l.env = append(l.env, p)
		}
		l.env = append(l.env, nil)
		l.shell, _ = syscall.BytePtrFromString("/bin/sh")
		directOnce.l = l
		go func() {
			runtime.LockOSThread()
			for f := range directOnce.ch {
				f()
			}
		}()
	})
	directOnce.ch <- func() {
		var pipe [2]int
		_ = unix.Pipe2(pipe[:], unix.O_CLOEXEC)
		h := head{parent: uint32(os.Getpid()), nArgs: 1, args: append([]byte(path), 0)}
		w := newWorker()
		w.fds = append(w.fds, pipe[1])
		w.lay(directOnce.l, &h)
		p := &w.plan
		p.clone = 0
		pid, _, _ := fork(p)
		unix.Close(pipe[1])
		go func() {
			defer done.Done()
			f := os.NewFile(uintptr(pipe[0]), "status")
			_, _ = io.Copy(io.Discard, f)
			f.Close()
			for !ended(pid, 0) {
			}
			var ws unix.WaitStatus
			_, _ = unix.Wait4(pid, &ws, 0, nil)
		}()
	}
}

type starter func(path string, done *sync.WaitGroup)

// floor is a shell that starts all scripts back to back.
func floor(b *testing.B, n int) {
	var all []string
	measure(b, n, func(path string, done *sync.WaitGroup) {
		if all = append(all, path); len(all) < n {
			return
		}
		args := append([]string{"-c", `for f; do "$f" & done; wait`, "sh"}, all...)
		all = nil
		go func() {
			_ = exec.Command("/bin/sh", args...).Run()
			for range n {
				done.Done()
			}
		}()
	})
}

func measure(b *testing.B, n int, start starter) {
	dir := b.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var paths []string
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		_ = os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\necho %d >%s\n", i, fifo), 0o755)
		paths = append(paths, path)
	}
	type arrival struct {
		i  int
		at int64
	}
	arrived := make(chan arrival, n)
	go listen(int(f.Fd()), func(i int, at int64) { arrived <- arrival{i, at} })
	var delays []time.Duration
	for b.Loop() {
		var done sync.WaitGroup
		asked := make([]int64, n)
		for i, path := range paths {
			done.Add(1)
			asked[i] = int64(Monotonic())
			start(path, &done)
		}
		for range n {
			a := <-arrived
			delays = append(delays, time.Duration(a.at-asked[0]))
		}
		done.Wait()
		time.Sleep(5 * time.Millisecond)
	}
	f.WriteString("x\n")
	slices.Sort(delays)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(delays[len(delays)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(delays[len(delays)*99/100].Microseconds())/1000, "p99-ms")
}

// listen takes the time of each line on a thread that comes before all others, where that is allowed.
func listen(fd int, got func(i int, at int64)) {
	runtime.LockOSThread()
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 10}, 0)
	in := bufio.NewReaderSize(rawReader(fd), 64)
	for {
		line, err := in.ReadString('\n')
		at := int64(Monotonic())
		i, bad := strconv.Atoi(line[:max(len(line)-1, 0)])
		if err != nil || bad != nil {
			return
		}
		got(i, at)
	}
}

type rawReader int

func (r rawReader) Read(b []byte) (int, error) { return unix.Read(int(r), b) }
