package sched

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
)

// The test program is also the program under test: with the variable it launches itself with a Setup and reports.
const variable = "SCHED_TEST"

type report struct {
	Problems []string
	Info     []string
	Policies policySet
	Nice     map[int]int
	Caps     []Cap
	Bounding int // how many are left
	NoNew    string
	RTTime   unix.Rlimit
	CPUs     int
	Locked   bool
	Filter   bool
}

func TestMain(m *testing.M) {
	text := os.Getenv(variable)
	if text == "" {
		os.Exit(m.Run())
	}
	mode, text, _ := strings.Cut(text, " ")
	s, err := Parse(text)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var r report
	switch mode {
	case "launch":
		err := Launch(s, func(problems []error) []string {
			os.Setenv(variable, "launched "+text) // a second entry of that name would not count
			text := ""
			for _, p := range problems {
				text += p.Error() + "\n"
			}
			os.Setenv("PROBLEMS", text)
			return os.Environ()
		})
		fmt.Println(err)
		os.Exit(1)
	case "launched":
		var problems []error
		r.Info, problems = Finish(s)
		for p := range strings.Lines(os.Getenv("PROBLEMS")) {
			r.Problems = append(r.Problems, strings.TrimSpace(p))
		}
		r.add(problems)
	case "change":
		busyThreads()
		fmt.Fprintln(os.Stderr, "now")
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the test has changed us
	case "inplace":
		busyThreads()
		if err := DropInPlace(s.Caps); err != nil {
			r.add([]error{err})
		}
	}
	r.look()
	json.NewEncoder(os.Stdout).Encode(&r)
	os.Exit(0)
}

func (r *report) add(problems []error) {
	for _, p := range problems {
		r.Problems = append(r.Problems, p.Error())
	}
}

// busyThreads makes the runtime have several threads.
func busyThreads() {
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { unix.Nanosleep(&unix.Timespec{Nsec: 20e6}, nil) })
	}
	wg.Wait()
}

func (r *report) look() {
	busyThreads()
	r.Policies, _ = policies()
	r.Nice = make(map[int]int)
	tids, _ := threads(os.Getpid())
	for _, tid := range tids {
		n, _ := unix.Getpriority(unix.PRIO_PROCESS, tid)
		r.Nice[20-n]++
	}
	for c := Cap(0); c < 64; c++ {
		if Has(c) {
			r.Caps = append(r.Caps, c)
		}
	}
	unix.Getrlimit(unix.RLIMIT_RTTIME, &r.RTTime)
	var set unix.CPUSet
	unix.SchedGetaffinity(0, &set)
	r.CPUs = set.Count()
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if k, v, ok := strings.Cut(line, ":"); ok && k == "NoNewPrivs" {
			r.NoNew = strings.TrimSpace(v)
		} else if ok && k == "Seccomp" {
			r.Filter = strings.TrimSpace(v) == "2"
		} else if ok && k == "CapBnd" {
			set, _ := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			r.Bounding = bits.OnesCount64(set)
		} else if k == "VmLck" {
			r.Locked = strings.TrimSpace(v) != "0 kB"
		}
	}
}

func run(t *testing.T, mode string, s Setup, attr *syscall.SysProcAttr) report {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), variable+"="+mode+" "+s.String())
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// unjailed gives the problems but those that say that the kernel or the build has no such jail, which must be true.
func (r *report) unjailed(t *testing.T) (others []string) {
	t.Helper()
	open := 0
	for _, p := range r.Problems {
		if strings.HasPrefix(p, "system calls are not restricted: this ") {
			open++
		} else if !strings.HasPrefix(p, "files are not out of reach: this ") {
			others = append(others, p)
		}
	}
	if r.Filter != (open == 0) {
		t.Errorf("a filter: %v, but it says %q", r.Filter, r.Problems)
	}
	return others
}

// A core dump is a file, so one that may have to be written leaves files within reach, and it says so.
func TestLaunchWithCoreDumps(t *testing.T) {
	realRoot(t)
	r := run(t, "launch", VRRP(&config.ProcessTuning{}, true), nil)
	if p := r.unjailed(t); len(p) != 1 || !strings.Contains(p[0], "core dump") {
		t.Error(p)
	}
}

// realRoot skips where the kernel can't grant what the test is about.
func realRoot(t *testing.T) {
	t.Helper()
	m, _ := os.ReadFile("/proc/self/uid_map")
	if os.Geteuid() != 0 || len(strings.Fields(string(m))) != 3 || strings.Fields(string(m))[2] != "4294967295" {
		t.Skip("needs root outside of a user namespace")
	}
}

func TestLaunchRealTime(t *testing.T) {
	realRoot(t)
	s := VRRP(&config.ProcessTuning{Nice: -5, RealTime: 20, RTTime: 100 * time.Millisecond, NoSwap: true, CPUs: []int{0}}, false)
	r := run(t, "launch", s, nil)
	if p := r.unjailed(t); len(p) > 0 {
		t.Fatal(p)
	}
	if !r.Policies.are(policyRR, 20) || len(r.Policies) < 4 {
		t.Error("policies:", r.Policies)
	}
	if len(r.Nice) != 1 || r.Nice[-5] == 0 {
		t.Error("nice:", r.Nice)
	}
	if want := []Cap{NetAdmin, NetRaw, IPCLock, SysNice}; !reflect.DeepEqual(r.Caps, want) || r.Bounding != len(want) {
		t.Error("capabilities:", r.Caps, r.Bounding)
	}
	if r.NoNew != "1" || !r.Locked || r.CPUs != 1 {
		t.Errorf("%+v", r)
	}
	if (r.RTTime != unix.Rlimit{Cur: 50000, Max: 100000}) {
		t.Error("rttime:", r.RTTime)
	}
	if !reflect.DeepEqual(r.Info, []string{"Set realtime priority 20"}) {
		t.Error(r.Info)
	}
}

func TestLaunchPlain(t *testing.T) {
	realRoot(t)
	r := run(t, "launch", VRRP(&config.ProcessTuning{}, false), nil)
	if p := r.unjailed(t); len(p) > 0 || len(r.Info) > 0 {
		t.Fatal(p, r.Info)
	}
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Policies.are(policyOther, 0) || r.Nice[20-own] == 0 || r.Locked {
		t.Errorf("%+v", r)
	}
	if want := []Cap{NetAdmin, NetRaw}; !reflect.DeepEqual(r.Caps, want) || r.Bounding != len(want) {
		t.Error("capabilities:", r.Caps, r.Bounding)
	}
}

// Without privileges everything is told, one line each, and nothing stops the role.
func TestLaunchWithoutPrivileges(t *testing.T) {
	s := VRRP(&config.ProcessTuning{Nice: -20, RealTime: 20, RTTime: 100 * time.Millisecond, NoSwap: true}, false)
	attr := &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	r := run(t, "launch", s, attr)
	all := strings.Join(r.Problems, "\n")
	for _, want := range []string{"real-time priority 20: ", "priority (nice) -20: "} {
		if strings.Count(all, want) != 1 {
			t.Errorf("%q is not told once in: %s", want, all)
		}
	}
	if !r.Policies.are(policyOther, 0) || len(r.Info) > 0 {
		t.Errorf("%+v", r)
	}
}

// A process is changed from outside, as the supervisor does with a role.
func TestChange(t *testing.T) {
	realRoot(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), variable+"=change {}")
	in, _ := cmd.StdinPipe()
	var out bytes.Buffer
	cmd.Stdout = &out
	errs, _ := cmd.StderrPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := errs.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	s := Setup{Nice: 3, RealTime: 7, RTTime: 200 * time.Millisecond, CPUs: []int{0}}
	for _, step := range []struct{ from, to Setup }{{Setup{}, s}, {s, Setup{}}, {Setup{}, s}} {
		info, problems := Change(cmd.Process.Pid, step.from, step.to)
		if len(problems) > 0 || len(info) != 1 || info[0] != fmt.Sprintf("Set realtime priority %d", step.to.RealTime) {
			t.Errorf("%v, %v", info, problems)
		}
	}
	if _, problems := Change(cmd.Process.Pid, Setup{}, Setup{NoSwap: true}); len(problems) != 1 {
		t.Error("that memory can't be locked from outside was not told:", problems)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Policies.are(policyRR, 7) || len(r.Nice) != 1 || r.Nice[3] == 0 || r.CPUs != 1 || r.RTTime.Max != 200000 {
		t.Errorf("%+v", r)
	}
}

func TestDropInPlace(t *testing.T) {
	realRoot(t)
	r := run(t, "inplace", Setup{Caps: []Cap{Kill, SetGID, SetUID}}, nil)
	if len(r.Problems) == 1 && strings.Contains(r.Problems[0], "cgo") {
		t.Skip(r.Problems[0])
	}
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	if want := []Cap{Kill, SetGID, SetUID}; !reflect.DeepEqual(r.Caps, want) {
		t.Error("capabilities:", r.Caps)
	}
	if r.Bounding < 10 {
		t.Error("scripts would not be root again:", r.Bounding)
	}
}

func TestText(t *testing.T) {
	s := VRRP(&config.ProcessTuning{RealTime: 3, CPUs: []int{1, 2}}, true)
	if got, err := Parse(s.String()); err != nil || !reflect.DeepEqual(got, s) {
		t.Fatal(got, err)
	}
	if _, err := Parse("{"); err == nil {
		t.Fatal("garbage was accepted")
	}
}
