package script

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// worker has all that one thread of the launcher needs to serve a request. It is made once: what serves requests allocates nothing, because
// no garbage is collected there.
type worker struct {
	buf, oob     []byte
	iov          unix.Iovec
	msg          unix.Msghdr
	fds          []int
	argv, shArgv []*byte
	plan         plan
}

func newWorker() *worker {
	w := &worker{
		buf: make([]byte, maxRequest+maxRequest/2), oob: make([]byte, unix.CmsgSpace(3*4)), fds: make([]int, 0, 4),
		argv: make([]*byte, 0, 64), shArgv: make([]*byte, 0, 64),
	}
	w.iov.Base = &w.buf[0]
	w.iov.SetLen(len(w.buf))
	w.msg.Iov = &w.iov
	w.msg.SetIovlen(1)
	w.msg.Control = &w.oob[0]
	return w
}

// receive waits for a request: n octets of buf, with descriptors in fds.
func (w *worker) receive(fd int) (n int, err error) {
	w.fds = w.fds[:0]
	w.msg.SetControllen(len(w.oob))
	r, _, e := syscall.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&w.msg)), unix.MSG_CMSG_CLOEXEC)
	if e != 0 {
		return 0, e
	}
	w.descriptors(w.oob[:min(int(w.msg.Controllen), len(w.oob))])
	return int(r), nil
}

// whole reports whether nothing of the last request was cut off.
func (w *worker) whole() bool { return w.msg.Flags&unix.MSG_TRUNC == 0 }

func (w *worker) descriptors(oob []byte) {
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		head, n := unix.CmsgLen(0), int(h.Len)
		if n < head || n > len(oob) {
			return
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_RIGHTS {
			for at := head; at+4 <= n && len(w.fds) < cap(w.fds); at += 4 {
				w.fds = append(w.fds, int(*(*int32)(unsafe.Pointer(&oob[at]))))
			}
		}
		oob = oob[min(unix.CmsgSpace(n-head), len(oob)):]
	}
}

// lay lays out the child's memory in the plan.
func (w *worker) lay(l *launcher, h *head) {
	w.argv, w.shArgv = w.argv[:0], append(w.shArgv[:0], l.shell)
	at := 0
	for i, c := range h.args {
		if c == 0 {
			w.argv = append(w.argv, &h.args[at])
			at = i + 1
		}
	}
	w.shArgv = append(append(w.shArgv, w.argv...), nil)
	w.argv = append(w.argv, nil)
	null := uintptr(l.null)
	w.plan = plan{
		path: w.argv[0], argv: &w.argv[0], env: &l.env[0], shell: l.shell, shArgv: &w.shArgv[0], open: h.open,
		changeUser: h.uid != l.own.uid || h.gid != l.own.gid,
		uid:        uintptr(h.uid), gid: uintptr(h.gid), nGroups: uintptr(len(h.groups)), stdio: [3]uintptr{null, null, null},
		status: uintptr(w.fds[0]), parent: uintptr(h.parent), clone: unix.CLONE_PARENT, cgroup: -1,
	}
	if len(h.groups) > 0 {
		w.plan.groups = &h.groups[0]
	}
	if h.output {
		w.plan.stdio[1], w.plan.stdio[2] = uintptr(w.fds[1]), uintptr(w.fds[1])
	}
	if h.cgroup {
		w.plan.cgroup = w.fds[len(w.fds)-1]
	}
}
