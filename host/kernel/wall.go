package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// walls is the socket on which the firewall is commanded.
type walls struct {
	*requests
	handles map[byte][]byte // by family: which table is the one that we have made
}

// wallBuffer is the send buffer: 50,000 addresses in one transaction.
const wallBuffer = 4 << 20

func newWalls() (*walls, error) {
	s, _, err := dial(unix.NETLINK_NETFILTER, wallBuffer, true)
	if err != nil {
		return nil, err
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, wallBuffer) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, wallBuffer)
	}
	q := &requests{sock: s, acks: newInbox(host.MaxBatch, ackBuffer), parts: newInbox(1, dumpBuffer)}
	return &walls{requests: q, handles: map[byte][]byte{}}, nil
}

// CheckWall reports why no firewall can be had in the network namespace of the calling thread; nil if it can.
func CheckWall() error {
	w, err := newWalls()
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	_, err = w.ask(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN, 0, make([]byte, 4), func(message) {})
	if errors.Is(err, unix.EINVAL) { // the netlink of netfilter is there, and nothing behind it
		err = unix.EOPNOTSUPP
	}
	if err != nil {
		return noTables(err)
	}
	return nil
}

// lacking reports whether an error is that of a kernel without nftables, or without them for a family.
func lacking(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPROTONOSUPPORT)
}

// noTables says in words what a kernel without nftables answers.
func noTables(err error) error {
	if lacking(err) {
		return fmt.Errorf("this kernel has no nftables (%w)", err)
	}
	return fmt.Errorf("nftables: %w", err)
}

// families of a firewall.
func families(w *host.Wall) (list []byte) {
	if w.V4 {
		list = append(list, unix.NFPROTO_IPV4)
	}
	if w.V6 {
		list = append(list, unix.NFPROTO_IPV6)
	}
	return list
}

func familyName(f byte) string {
	if f == unix.NFPROTO_IPV4 {
		return "ip"
	}
	return "ip6"
}

// apply carries out one operation.
func (w *walls) apply(o *host.WallOp) error {
	stale, err := w.stale(o)
	if err != nil {
		return err
	}
	x := newBatch(w.out, w.seq)
	for _, f := range [...]byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		if x.family = f; stale[f] {
			x.table(unix.NFT_MSG_DELTABLE, 0, o.Wall.Table)
		}
		if !slices.Contains(families(&o.Wall), f) {
			continue
		}
		if o.Do == host.WallWrite {
			x.write(&o.Wall)
		}
		x.bars(unix.NFT_MSG_DELSETELEM, &o.Wall, o.Remove)
		x.bars(unix.NFT_MSG_NEWSETELEM, &o.Wall, o.Add)
	}
	if err := w.commit(x); err != nil || o.Do != host.WallWrite {
		return err
	}
	return w.learn(&o.Wall)
}

// stale tells which families have a table of ours that is to go, which may be one that the new one does not need. One that is not ours is
// in the way of a new one.
func (w *walls) stale(o *host.WallOp) (map[byte]bool, error) {
	out := map[byte]bool{}
	if o.Do == host.WallChange {
		return out, nil
	}
	for _, f := range [...]byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		wanted := slices.Contains(families(&o.Wall), f)
		there, ours, owner, err := w.look(f, &o.Wall.WallName)
		switch {
		case !wanted && lacking(err): // so there is none
			continue
		case err != nil:
			return nil, err
		case there && !ours && wanted && o.Do == host.WallWrite:
			return nil, fmt.Errorf("nftables has a table %s %s already, which %s: delete it, or name another one (nftables NAME)", familyName(f), o.Wall.Table, whose(owner))
		}
		out[f] = there && ours
	}
	return out, nil
}

// bars adds or deletes those of the batch's family.
func (x *batch) bars(typ uint16, w *host.Wall, bars []host.Bar) {
	sets := map[string][][]byte{}
	for _, b := range bars {
		if b.Addr.Is4() == (x.family == unix.NFPROTO_IPV4) {
			set, key := barKey(b)
			sets[set] = append(sets[set], key)
		}
	}
	for _, set := range [...]string{setVIPs, setByName, setByIndex} {
		x.elements(typ, w.Table, set, sets[set])
	}
}

// write makes the table of one family, without any address.
func (x *batch) write(w *host.Wall) {
	x.table(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, w.Table)
	local, key, size := setByName, uint32(nftTypeIfname), uint32(unix.IFNAMSIZ)
	in, out := uint32(unix.NFT_META_IIFNAME), uint32(unix.NFT_META_OIFNAME)
	if w.ByIndex {
		local, key, size, in, out = setByIndex, nftTypeIndex, 4, unix.NFT_META_IIF, unix.NFT_META_OIF
	}
	six := x.family == unix.NFPROTO_IPV6
	if six {
		x.set(w, setVIPs, nftTypeIP6, 16)
		x.set(w, local, nftTypeIP6<<nftTypeBits|key, 16+size)
	} else {
		x.set(w, setVIPs, nftTypeIP4, 4)
	}
	for _, c := range [...]struct {
		name         string
		hook         uint32
		at4, at6, by uint32
	}{{chainIn, nftInput, 16, 24, in}, {chainOut, nftOutput, 12, 8, out}} {
		x.chain(w.Table, c.name, c.hook, w.Priority)
		if !six {
			x.rule(w.Table, c.name, func() { x.payload(unix.NFT_REG_1, nftNetwork, c.at4, 4); x.lookup(setVIPs); x.drop(w) })
			continue
		}
		x.neighbors(w.Table, c.name)
		x.rule(w.Table, c.name, func() { x.payload(unix.NFT_REG_1, nftNetwork, c.at6, 16); x.lookup(setVIPs); x.drop(w) })
		x.rule(w.Table, c.name, func() {
			x.payload(unix.NFT_REG_1, nftNetwork, c.at6, 16)
			x.meta(unix.NFT_REG_2, c.by)
			x.lookup(local)
			x.drop(w)
		})
	}
}

// neighbors lets neighbour solicitations and advertisements pass (RFC 9568 section 6.1).
func (x *batch) neighbors(table, chain string) {
	for _, typ := range [...]byte{neighborSolicit, neighborAdvert} {
		x.rule(table, chain, func() {
			x.meta(unix.NFT_REG_1, unix.NFT_META_L4PROTO)
			x.compare(protoICMP6)
			x.payload(unix.NFT_REG_1, nftTransport, 0, 1)
			x.compare(typ)
			x.verdict(nftAccept)
		})
	}
}

func (x *batch) drop(w *host.Wall) {
	if w.Counters {
		x.expr("counter", func() {})
	}
	x.verdict(nftDrop)
}

// commit sends a transaction and waits for the answer. One without messages is nothing.
func (w *walls) commit(x *batch) error {
	if x.last == 0 {
		return nil
	}
	first, last := w.seq+1, x.finish()
	w.out, w.seq = x.b, x.seq
	if err := w.send(x.b); err != nil {
		return err
	}
	var failure error
	for {
		n, err := w.acks.recv(w.fd)
		if err != nil {
			return fmt.Errorf("receiving answers: %w", err)
		}
		if n == 0 {
			if failure != nil {
				return failure
			}
			if err := w.wait(answerLimit); err != nil {
				return err
			}
			continue
		}
		for i := range n {
			b, _ := w.acks.datagram(i)
			for m, rest, ok := next(b); ok; m, rest, ok = next(rest) {
				if m.typ != unix.NLMSG_ERROR || m.seq < first || m.seq > x.seq {
					continue
				}
				if r := verdict(m); r != nil && failure == nil {
					failure = noTables(r)
				}
				if m.seq == last {
					return failure
				}
			}
		}
	}
}

// whose says in words whose a table with that comment is.
func whose(owner string) string {
	if strings.HasPrefix(owner, host.LinkMark) {
		return fmt.Sprintf("another daemon has made (its comment is %q)", owner)
	}
	return "is not ours"
}

// look reports whether there is a table of that name, and whether it is ours: the one that we have made, or one with our mark. Owner is the comment
// of one that is not.
func (w *walls) look(f byte, name *host.WallName) (there, ours bool, owner string, err error) {
	var handle []byte
	err = w.get(unix.NFT_MSG_GETTABLE, f, func(x *batch) { x.text(unix.NFTA_TABLE_NAME, name.Table) }, func(a *attrs) {
		if a.typ == tableHandle {
			handle = append([]byte(nil), a.val...)
		}
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, false, "", nil
	case err != nil:
		return false, false, "", noTables(err)
	case handle != nil && string(handle) == string(w.handles[f]):
		return true, true, "", nil
	}
	err = w.get(unix.NFT_MSG_GETSET, f, func(x *batch) {
		x.text(unix.NFTA_SET_TABLE, name.Table)
		x.text(unix.NFTA_SET_NAME, setVIPs)
	}, func(a *attrs) {
		if a.typ == unix.NFTA_SET_USERDATA {
			ours, owner = string(a.val) == string(markData(name.Mark)), comment(a.val)
		}
	})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return true, false, "", noTables(err)
	}
	return true, ours, owner, nil
}

const tableHandle = 4 // NFTA_TABLE_HANDLE, from 4.16 on

// learn remembers which tables are those that have just been made.
func (w *walls) learn(wall *host.Wall) error {
	for _, f := range families(wall) {
		delete(w.handles, f)
		err := w.get(unix.NFT_MSG_GETTABLE, f, func(x *batch) { x.text(unix.NFTA_TABLE_NAME, wall.Table) }, func(a *attrs) {
			if a.typ == tableHandle {
				w.handles[f] = append([]byte(nil), a.val...)
			}
		})
		if err != nil {
			return noTables(err)
		}
	}
	return nil
}

// get asks for one object and hands its attributes to f.
func (w *walls) get(typ uint16, family byte, ask func(*batch), f func(*attrs)) error {
	x := &batch{b: []byte{family, 0, 0, 0}}
	ask(x)
	_, err := w.ask(unix.NFNL_SUBSYS_NFTABLES<<8|typ, 0, x.b, func(m message) {
		if len(m.body) < 4 {
			return
		}
		for a := (attrs{b: m.body[4:]}); a.next(); {
			f(&a)
		}
	})
	return err
}

// dropMarked deletes the tables of that name that bear its mark, whichever are there.
func (w *walls) dropMarked(name host.WallName) (dropped bool, err error) {
	op := &host.WallOp{Do: host.WallDrop, Wall: host.Wall{WallName: name}}
	for _, f := range [...]byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
		_, ours, _, err := w.look(f, &name)
		if err != nil && !lacking(err) {
			return false, err
		}
		if dropped = dropped || ours; ours {
			op.Wall.V4, op.Wall.V6 = op.Wall.V4 || f == unix.NFPROTO_IPV4, op.Wall.V6 || f == unix.NFPROTO_IPV6
		}
	}
	if !dropped {
		return false, nil
	}
	return true, w.apply(op)
}
