package script

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// A request to the launcher is one packet: a header, the groups, and the strings, each ended by a zero byte. Descriptors come
// along in this order: status pipe, standard output if request.output, cgroup if request.cgroup.
type request struct {
	cmd    Command
	parent uint32 // pid that the child's parent must have
	output bool
	cgroup bool
}

const headerSize = 6 * 4 // so that the groups behind it are as the kernel wants them

const (
	flagOpen   = 1
	flagOutput = 2
	flagCgroup = 4
)

// append encodes the request; the command was checked.
func (r *request) append(b []byte) []byte {
	var flags byte
	args := r.cmd.Args
	if r.cmd.Open != "" {
		flags |= flagOpen
		args = []string{r.cmd.Open}
	}
	if r.output {
		flags |= flagOutput
	}
	if r.cgroup {
		flags |= flagCgroup
	}
	le := binary.NativeEndian
	b = le.AppendUint32(b, r.parent)
	b = le.AppendUint32(b, r.cmd.UID)
	b = le.AppendUint32(b, r.cmd.GID)
	b = le.AppendUint32(b, uint32(len(r.cmd.Groups)))
	b = le.AppendUint32(b, uint32(len(args)))
	b = le.AppendUint32(b, uint32(flags))
	for _, g := range r.cmd.Groups {
		b = le.AppendUint32(b, g)
	}
	for _, a := range args {
		b = append(append(b, a...), 0)
	}
	return b
}

var errRequest = errors.New("malformed request")

// head is a decoded request. It lies in the packet: groups are as the kernel takes them, args still hold their zero bytes, one behind the
// other.
type head struct {
	parent, uid, gid     uint32
	groups               []uint32
	nArgs                int
	args                 []byte
	open, output, cgroup bool
}

// parse reads a request. It allocates nothing; the packet must begin where an array of 32-bit numbers may.
func parse(b []byte) (h head, err error) {
	if len(b) < headerSize || uintptr(unsafe.Pointer(&b[0]))%4 != 0 {
		return h, errRequest
	}
	le := binary.NativeEndian
	h.parent, h.uid, h.gid = le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])
	nGroups, nArgs, flags := uint64(le.Uint32(b[12:])), uint64(le.Uint32(b[16:])), le.Uint32(b[20:])
	b = b[headerSize:]
	if nGroups*4 > uint64(len(b)) {
		return h, errRequest
	}
	if nGroups > 0 {
		h.groups = unsafe.Slice((*uint32)(unsafe.Pointer(&b[0])), nGroups)
		b = b[4*nGroups:]
	}
	zeros := uint64(0)
	for _, c := range b {
		if c == 0 {
			zeros++
		}
	}
	if nArgs == 0 || zeros != nArgs || b[len(b)-1] != 0 {
		return h, errRequest
	}
	h.nArgs, h.args = int(nArgs), b
	h.open, h.output, h.cgroup = flags&flagOpen != 0, flags&flagOutput != 0, flags&flagCgroup != 0
	return h, nil
}
