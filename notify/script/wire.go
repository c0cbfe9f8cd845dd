package script

import (
	"encoding/binary"
	"errors"
)

// A request to the launcher is one packet: a header, the groups, and the strings, each ended by a zero byte. Descriptors come
// along in this order: status pipe, standard output if request.output, cgroup if request.cgroup.
type request struct {
	cmd    Command
	parent uint32 // pid that the child's parent must have
	output bool
	cgroup bool
}

const headerSize = 5*4 + 2

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
	le := binary.LittleEndian
	b = le.AppendUint32(b, r.parent)
	b = le.AppendUint32(b, r.cmd.UID)
	b = le.AppendUint32(b, r.cmd.GID)
	b = le.AppendUint32(b, uint32(len(r.cmd.Groups)))
	b = le.AppendUint32(b, uint32(len(args)))
	b = append(b, flags, 0)
	for _, g := range r.cmd.Groups {
		b = le.AppendUint32(b, g)
	}
	for _, a := range args {
		b = append(append(b, a...), 0)
	}
	return b
}

var errRequest = errors.New("malformed request")

// head is a decoded request; args still hold their zero bytes, one behind the other.
type head struct {
	parent, uid, gid     uint32
	groups               []uint32
	nArgs                int
	args                 []byte
	open, output, cgroup bool
}

func parse(b []byte) (h head, err error) {
	if len(b) < headerSize {
		return h, errRequest
	}
	le := binary.LittleEndian
	h.parent, h.uid, h.gid = le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])
	nGroups, nArgs, flags := uint64(le.Uint32(b[12:])), uint64(le.Uint32(b[16:])), b[20]
	b = b[headerSize:]
	if nGroups*4 > uint64(len(b)) {
		return h, errRequest
	}
	for range nGroups {
		h.groups = append(h.groups, le.Uint32(b))
		b = b[4:]
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
