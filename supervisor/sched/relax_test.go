package sched

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRelax: the thread is ordinary in between, and then what it was.
func TestRelax(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	policy := func() uintptr {
		p, _, _ := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
		return p
	}
	Relax()()
	if p := policy(); p != policyOther {
		t.Errorf("an ordinary thread became policy %d", p)
	}
	if err := setPolicy(0, 7); err != nil {
		t.Skip(err)
	}
	defer allOrdinary(t)
	restore := Relax()
	if p := policy(); p != policyOther {
		t.Errorf("policy %d while relaxed, want %d", p, policyOther)
	}
	restore()
	if p := policy(); p != policyRR {
		t.Errorf("policy %d afterwards, want %d", p, policyRR)
	}
}

// allOrdinary makes all threads of the tests ordinary: what the runtime has made from a real-time one is real-time too, and so would be
// what another test starts from that.
func allOrdinary(t *testing.T) {
	t.Helper()
	if err := eachThread(os.Getpid(), func(tid int) error { return setPolicy(tid, 0) }); err != nil {
		t.Error(err)
	}
}

// realTimeTasks makes the test's thread real-time, and lists the threads.
func realTimeTasks(t *testing.T) *Tasks {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := setPolicy(0, 7); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { allOrdinary(t) })
	tasks, err := OpenTasks()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tasks.Close() })
	return tasks
}

// TestRelaxAll: all threads but those that are kept are ordinary in between, those that come meanwhile too, and afterwards all are
// what the kept one is.
func TestRelaxAll(t *testing.T) {
	tasks := realTimeTasks(t)
	// Another thread that is real-time, and one that is kept.
	thread := func() (tid int, end func()) {
		id, stop, done := make(chan int), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			if err := setPolicy(0, 7); err != nil {
				t.Error(err)
			}
			id <- unix.Gettid()
			<-stop
			if err := setPolicy(0, 0); err != nil { // the thread ends, what it has made until then is ordinary
				t.Error(err)
			}
		}()
		return <-id, func() { close(stop); <-done }
	}
	kept, end := thread()
	defer end()
	other, end := thread()
	defer end()
	RelaxAll(tasks, []int{kept}, func() {
		for tid, want := range map[int]int{kept: 7, other: 0, unix.Gettid(): 0} {
			if got := realTime(tid); got != want {
				t.Errorf("a thread has priority %d, want %d", got, want)
			}
		}
	})
	for _, tid := range []int{kept, other, unix.Gettid()} {
		if got := realTime(tid); got != 7 {
			t.Errorf("a thread has priority %d afterwards, want 7", got)
		}
	}
}

// TestRelaxAllWhileTheKeptIsRelaxed: that the kept thread is ordinary for a moment when the others are restored does not leave them so.
func TestRelaxAllWhileTheKeptIsRelaxed(t *testing.T) {
	tasks := realTimeTasks(t)
	id, relax, done := make(chan int), make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		if err := setPolicy(0, 7); err != nil {
			t.Error(err)
		}
		id <- unix.Gettid()
		<-relax
		restore := Relax()
		relax <- struct{}{}
		<-relax
		restore()
		if err := setPolicy(0, 0); err != nil { // the thread ends
			t.Error(err)
		}
		close(done)
	}()
	RelaxAll(tasks, []int{<-id}, func() { relax <- struct{}{}; <-relax })
	if got := realTime(unix.Gettid()); got != 7 {
		t.Errorf("priority %d afterwards, want 7", got)
	}
	relax <- struct{}{}
	<-done
}
