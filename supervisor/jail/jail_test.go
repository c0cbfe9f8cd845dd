package jail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The test program is also the prisoner: with the variable it goes to jail as a role does, tries what is said there, and reports.
const variable = "JAIL_TEST"

// attempt is what became of a try; empty is success.
type attempt map[string]string

func TestMain(m *testing.M) {
	switch mode, dir, _ := strings.Cut(os.Getenv(variable), " "); mode {
	case "enter":
		runtime.LockOSThread()
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err := Files(); err != nil {
			os.Setenv("JAIL_FILES", err.Error())
		}
		os.Setenv(variable, "inside "+dir)
		fmt.Println(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
		os.Exit(1)
	case "inside":
		inside(dir)
	default:
		os.Exit(m.Run())
	}
}

func inside(dir string) {
	threads() // some are there before, as in a role
	out := attempt{"Files": os.Getenv("JAIL_FILES"), "Calls": ""}
	if err := Calls(); err != nil {
		out["Calls"] = err.Error()
	}
	for name, try := range tries(dir) {
		out[name] = ""
		if err := try(); err != nil {
			out[name] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// threads makes the runtime have several.
func threads() {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { time.Sleep(time.Millisecond); _ = unix.Nanosleep(&unix.Timespec{Nsec: 5e6}, nil) })
	}
	wg.Wait()
}

// raw makes a system call that could do no harm if it were let through.
func raw(nr uintptr, args ...uintptr) func() error {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, no := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); no != 0 {
			return no
		}
		return nil
	}
}

func opens(path string, flags int) func() error {
	return func() error {
		f, err := os.OpenFile(path, flags, 0o600)
		if err == nil {
			f.Close()
		}
		return err
	}
}

func socket(family, kind int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

// tries are what a prisoner attempts. The name says what is expected: no has EPERM, gone ENOSYS, shut EACCES by Landlock.
func tries(dir string) map[string]func() error {
	none := ^uintptr(0)
	out := map[string]func() error{
		"no execve":       func() error { return syscall.Exec(filepath.Join(dir, "nothing"), nil, nil) },
		"no process":      raw(unix.SYS_CLONE, unix.CLONE_SIGHAND), // flags that no kernel takes: were it let through, nothing would be born
		"no ptrace":       raw(unix.SYS_PTRACE, none, none),
		"no mount":        raw(unix.SYS_MOUNT),
		"no bpf":          raw(unix.SYS_BPF, none),
		"no io_uring":     raw(unix.SYS_IO_URING_SETUP),
		"no setns":        raw(unix.SYS_SETNS, none),
		"no unshare":      raw(unix.SYS_UNSHARE, 0),
		"no userfaultfd":  raw(unix.SYS_USERFAULTFD, none),
		"no perf":         raw(unix.SYS_PERF_EVENT_OPEN),
		"no keyring":      raw(unix.SYS_KEYCTL, none),
		"no module":       raw(unix.SYS_FINIT_MODULE, none),
		"no memory file":  raw(unix.SYS_MEMFD_CREATE, 0, none),
		"no other memory": raw(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid())),
		"no user":         raw(unix.SYS_SETUID, uintptr(os.Getuid())),
		"no signal":       func() error { return unix.Kill(os.Getppid(), 0) },
		"no limit":        func() error { return unix.Prlimit(0, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 99, Max: 99}, nil) },
		"no program in memory": func() error {
			return unix.Mprotect(make([]byte, 8192)[:0:0], unix.PROT_EXEC)
		},
		"shut file to write": opens(filepath.Join(dir, "file"), os.O_WRONLY),
		"no file to cut":     opens(filepath.Join(dir, "file"), os.O_WRONLY|os.O_TRUNC),
		"no new file":        opens(filepath.Join(dir, "new"), os.O_RDONLY|os.O_CREATE),
		"no file to delete":  func() error { return unix.Unlink(filepath.Join(dir, "file")) },
		"no folder":          func() error { return unix.Mkdir(filepath.Join(dir, "folder"), 0o700) },
		"no TCP":             socket(unix.AF_INET, unix.SOCK_STREAM),
		"no unix socket":     socket(unix.AF_UNIX, unix.SOCK_DGRAM),
		"gone clone3":        raw(unix.SYS_CLONE3),
		"gone unborn":        raw(9999),
		"shut file":          opens(filepath.Join(dir, "file"), os.O_RDONLY),
		"shut folder":        opens(dir, os.O_RDONLY|unix.O_DIRECTORY),

		"a UDP socket":     socket(unix.AF_INET, unix.SOCK_DGRAM),
		"a netlink socket": socket(unix.AF_NETLINK, unix.SOCK_RAW),
		"interfaces":       func() error { _, err := net.Interfaces(); return err },
		"threads":          func() error { threads(); return nil },
		"memory":           memory,
		"a pipe":           pipe,
		"my threads":       func() error { _, err := os.ReadDir("/proc/self/task"); return err },
		"my waiting":       opens("/proc/thread-self/schedstat", os.O_RDONLY),
	}
	if os.Getuid() == 0 { // they are root's
		out["shut setting of the kernel"] = opens("/proc/sys/kernel/core_pattern", os.O_WRONLY)
		out["a setting of the network"] = opens("/proc/sys/net/ipv4/conf/lo/arp_ignore", os.O_WRONLY)
	}
	return out
}

func memory() error {
	for range 20 {
		b := make([]byte, 4<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		runtime.KeepAlive(b)
	}
	debug.FreeOSMemory()
	return nil
}

// pipe uses the runtime's poller.
func pipe() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	go func() { time.Sleep(time.Millisecond); _, _ = w.WriteString("x"); w.Close() }()
	_, err = io.ReadAll(r)
	return err
}

func (a attempt) judge(t *testing.T) {
	t.Helper()
	for name, got := range a {
		want := error(nil)
		switch word, _, _ := strings.Cut(name, " "); word {
		case "no":
			want = unix.EPERM
		case "gone":
			want = unix.ENOSYS
		case "shut":
			if want = unix.EACCES; FilesABI() == 0 {
				want = nil
			}
		}
		switch {
		case want == nil && got != "":
			t.Errorf("%s: %s", name, got)
		case want != nil && !strings.HasSuffix(got, want.Error()):
			t.Errorf("%s: %q, want %v", name, got, want)
		}
	}
}

// prisoner is this test program, without a C library.
func prisoner(t *testing.T) string {
	t.Helper()
	if !withC {
		return "/proc/self/exe"
	}
	path := filepath.Join(t.TempDir(), "prisoner")
	cmd := exec.Command("go", "test", "-c", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// TestInside: a process that restricts itself as a role does can't do what it shall not, and can do the rest.
func TestInside(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("no filter for " + runtime.GOARCH)
	}
	var data [1]uint32
	data[0] = unix.SECCOMP_RET_ERRNO
	if _, _, no := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&data))); no != 0 {
		t.Skip("this kernel has no seccomp filters:", no)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(prisoner(t), "-test.run=^$")
	cmd.Env = append(os.Environ(), variable+"=enter "+dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, text, errs.String())
	}
	out := attempt{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if FilesABI() == 0 {
		if !strings.Contains(out["Files"], "no Landlock") {
			t.Errorf("without Landlock it says %q", out["Files"])
		}
		delete(out, "Files")
	}
	out.judge(t)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Error("the prisoner left", entries, err)
	}
}

// TestFilesTwice: a thread that is restricted already, as in a container that does the same, can be restricted again.
func TestFilesTwice(t *testing.T) {
	if withC || FilesABI() == 0 {
		t.Skip("built with cgo, or a kernel without Landlock")
	}
	errs := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		first := Files()
		_, err := os.ReadFile("/proc/self/status")
		_, shut := os.ReadDir(".")
		if !errors.Is(shut, unix.EACCES) {
			err = errors.Join(err, fmt.Errorf("a folder can be read: %v", shut))
		}
		errs <- errors.Join(first, Files(), err)
	}()
	if err := <-errs; err != nil {
		t.Error(err)
	}
}
