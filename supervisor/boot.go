package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/internal/threads"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/supervisor/sched"
)

// bootEnv is the environment variable by which a process learns that it is a role. It is taken away at once, so that no
// script ever sees it.
const bootEnv = "HOLDFAST_ROLE"

// ctlFD is where a role finds its connection to the supervisor.
const ctlFD = 3

// exitProgram is the exit code of a role that failed in a way that another try may mend.
const exitProgram = 70

// boot is what a role's process is told before it has a connection.
type boot struct {
	Role      role.Name
	Comm      string
	Setup     sched.Setup
	InPlace   bool     // drop privileges without executing anew: for what is never real-time
	Launched  bool     // the program was executed anew with the Setup
	Problems  []string `json:",omitempty"` // what of the Setup could not be had
	IgnoreINT bool     `json:",omitempty"`
}

func (b *boot) env() string {
	text, err := json.Marshal(b)
	if err != nil {
		panic("boot: " + err.Error())
	}
	return bootEnv + "=" + string(text)
}

// RunRole runs this process as a role if it was started as one; ok is false if it was not. The caller exits with code.
func RunRole(mains map[role.Name]Main) (code int, ok bool) {
	text, ok := os.LookupEnv(bootEnv)
	if !ok {
		return 0, false
	}
	os.Unsetenv(bootEnv)
	keepFrom(ctlFD + 1)
	os.Unsetenv("GOTRACEBACK") // it was for us until here; scripts inherit the environment
	var b boot
	if err := json.Unmarshal([]byte(text), &b); err != nil || mains[b.Role] == nil {
		fmt.Fprintf(os.Stderr, "%s is for the supervisor's use only\n", bootEnv)
		return role.ExitFatal, true
	}
	b.launch()
	return b.run(mains[b.Role]), true
}

// launch gives the process its scheduling and privileges, which takes executing it anew.
func (b *boot) launch() {
	if b.Launched || b.InPlace {
		return
	}
	b.Launched = true
	err := sched.Launch(b.Setup, func(problems []error) []string {
		b.note(problems)
		return append(os.Environ(), b.env())
	})
	b.note([]error{err})
}

func (b *boot) note(problems []error) {
	for _, p := range problems {
		b.Problems = append(b.Problems, p.Error())
	}
}

// What a role keeps threads in store for, and the supervisor: those that compute at a time, those that are somebody's own (as the
// election's), and those that wait for the kernel, as several of the supervisor's may for a file system.
const (
	mostProcs   = 4
	roleThreads = mostProcs + 12
	ownThreads  = mostProcs + 16
)

// fewProcs keeps a process from computing on more processors than there are threads in store for.
func fewProcs() { runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), mostProcs)) }

// run is the life of a role's process once it is what it should be.
func (b *boot) run(main Main) int {
	debug.SetTraceback("crash") // a crash is SIGABRT: exit code 2 would say that the configuration is wrong
	b.showName()
	fewProcs()
	threads.Store(roleThreads)
	conn, err := role.NewConn(os.NewFile(ctlFD, "control"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return role.ExitFatal
	}
	info, err := b.finish()
	if err != nil {
		return end(conn, err)
	}
	for _, text := range info {
		_ = conn.Send(role.Msg{Log: &role.Log{Text: text, At: time.Now().UnixNano()}})
	}
	for _, text := range b.Problems {
		_ = conn.Send(role.Msg{Log: &role.Log{Level: 4, Text: text, At: time.Now().UnixNano()}})
	}
	stop := b.hear(conn)
	defer stop()
	return end(conn, main(conn))
}

// showName makes the process visible under its name, which is that of its first thread. The file would do as well, where files are
// not out of reach.
func (b *boot) showName() {
	name := append([]byte(b.Comm), 0)
	if unix.Gettid() != os.Getpid() || unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0) != nil {
		_ = os.WriteFile("/proc/self/comm", []byte(b.Comm), 0)
	}
}

// finish gives up what the role does not need. A role that is to be somebody else does not run otherwise.
func (b *boot) finish() (info []string, err error) {
	if !b.InPlace {
		info, problems := sched.Finish(b.Setup)
		b.note(problems)
		return info, nil
	}
	if b.Setup.Nice != 0 {
		if err := sched.NiceInPlace(b.Setup.Nice); err != nil {
			b.note([]error{err})
		}
	}
	if b.Setup.User != nil {
		if err := sched.BecomeInPlace(*b.Setup.User); err != nil {
			return nil, err
		}
	}
	if err := sched.DropInPlace(b.Setup.Caps); err != nil {
		b.note([]error{err})
	}
	if b.Setup.Jail {
		if err := sched.JailInPlace(); err != nil {
			b.note([]error{err})
		}
	}
	return nil, nil
}

// end says the last words and makes the exit code.
func end(conn *role.Conn, err error) int {
	code := 0
	if err != nil {
		code = exitProgram
		var p *role.Permanent
		if errors.As(err, &p) {
			code = p.Code
		}
		_ = conn.Send(role.Msg{Log: &role.Log{Level: 8, Text: err.Error(), At: time.Now().UnixNano()}})
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Flush(ctx)
	conn.Close()
	return code
}

// orphanStop is how long a role may take to hand over that was told to end by a signal.
const orphanStop = 5 * time.Second

// hear makes signals to a role's own process do what they do to keepalived's children: TERM and INT end it, the others are
// the supervisor's business. The runner, which keepalived does not have, looks after itself: it is still needed for the
// last notifications when everybody is told to end.
func (b *boot) hear(conn *role.Conn) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGPIPE, unix.SIGXCPU, sigJSON, sigTrace, sigStatsClear, sigThreadDump)
	if b.Role != role.Runner {
		signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				b.signal(conn, s.(syscall.Signal))
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}

// overtime is said when the kernel warns that it will kill the process (SIGXCPU).
const overtime = "a real-time thread has computed for half of vrrp_rlimit_rttime without a pause; after the whole of it the kernel kills the process"

func (b *boot) signal(conn *role.Conn, s syscall.Signal) {
	switch {
	case s == unix.SIGPIPE, s == unix.SIGINT && b.IgnoreINT:
	case s == unix.SIGXCPU:
		_ = conn.Send(role.Msg{Log: &role.Log{Level: 4, Text: overtime, At: time.Now().UnixNano()}})
	case s == unix.SIGTERM || s == unix.SIGINT:
		conn.Inject(role.Msg{Stop: &role.Stop{Within: orphanStop}})
	default:
		_ = conn.Send(role.Msg{Asked: &role.Asked{Number: int(s)}})
	}
}
