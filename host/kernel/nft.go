package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// Messages of nf_tables: numbers in attributes are in network byte order, and what is nested says so.

const (
	nftInput  = 1 // NF_INET_LOCAL_IN
	nftOutput = 3 // NF_INET_LOCAL_OUT
	nftAccept = 1 // NF_ACCEPT
	nftDrop   = 0 // NF_DROP

	nftNetwork   = 1 // NFT_PAYLOAD_NETWORK_HEADER
	nftTransport = 2 // NFT_PAYLOAD_TRANSPORT_HEADER

	// Types of set elements, which mean something to nft(8) only.
	nftTypeIP4, nftTypeIP6      = 7, 8
	nftTypeIndex, nftTypeIfname = 20, 41
	nftTypeBits                 = 6 // of each part of a concatenation

	protoICMP6      = 58
	neighborSolicit = 135
	neighborAdvert  = 136

	// chunk is how many elements go into one message: the length of an attribute has 16 bits.
	chunk = 500
	// setComment is the type of a comment in what a set's creator may keep there.
	setComment = 7 // NFTNL_UDATA_SET_COMMENT
)

// The names within a table, which are keepalived's.
const (
	setVIPs    = "vips"
	setByName  = "vips_link_local_name"
	setByIndex = "vips_link_local"
	chainIn    = "in"
	chainOut   = "out"
)

// markData is the comment of a set as nft(8) keeps it.
func markData(mark string) []byte {
	mark = mark[:min(len(mark), host.MaxMark)]
	return append([]byte{setComment, byte(len(mark) + 1)}, mark+"\x00"...)
}

// comment is the comment of a set, of what its creator keeps there; empty where it does not begin with one.
func comment(data []byte) string {
	if len(data) < 2 || data[0] != setComment || len(data) < 2+int(data[1]) {
		return ""
	}
	return text(data[2 : 2+int(data[1])])
}

// batch is one transaction.
type batch struct {
	b      []byte
	seq    uint32
	family byte
	last   int // where the latest message begins
}

func newBatch(b []byte, seq uint32) *batch {
	x := &batch{b: b[:0], seq: seq}
	x.edge(unix.NFNL_MSG_BATCH_BEGIN)
	return x
}

// edge appends what begins or ends a transaction.
func (x *batch) edge(typ uint16) {
	x.seq++
	b, at := begin(x.b, typ, unix.NLM_F_REQUEST, x.seq)
	b = append(b, unix.AF_UNSPEC, 0)
	x.b = end(binary.BigEndian.AppendUint16(b, unix.NFNL_SUBSYS_NFTABLES), at)
}

// message appends one message, of which f writes the attributes.
func (x *batch) message(typ, flags uint16, f func()) {
	x.seq++
	var at int
	x.b, at = begin(x.b, unix.NFNL_SUBSYS_NFTABLES<<8|typ, unix.NLM_F_REQUEST|flags, x.seq)
	x.b = append(x.b, x.family, 0, 0, 0)
	f()
	x.b, x.last = end(x.b, at), at
}

// finish ends the transaction. The kernel is to answer the last message, after what it has against others. It returns that one's number.
func (x *batch) finish() (last uint32) {
	last = x.seq
	flags := native.Uint16(x.b[x.last+6:])
	native.PutUint16(x.b[x.last+6:], flags|unix.NLM_F_ACK)
	x.edge(unix.NFNL_MSG_BATCH_END)
	return last
}

func (x *batch) text(typ uint16, s string) { x.b = appendAttr(x.b, typ, append([]byte(s), 0)) }
func (x *batch) data(typ uint16, b []byte) { x.b = appendAttr(x.b, typ, b) }
func (x *batch) num(typ uint16, v uint32) {
	x.b = appendAttr(x.b, typ, binary.BigEndian.AppendUint32(nil, v))
}

// nest appends an attribute that consists of others.
func (x *batch) nest(typ uint16, f func()) {
	at := len(x.b)
	x.b = native.AppendUint16(x.b, 0)
	x.b = native.AppendUint16(x.b, typ|unix.NLA_F_NESTED)
	f()
	native.PutUint16(x.b[at:], uint16(len(x.b)-at))
}

// expr appends an expression to the list that a rule is.
func (x *batch) expr(name string, f func()) {
	x.nest(unix.NFTA_LIST_ELEM, func() {
		x.text(unix.NFTA_EXPR_NAME, name)
		x.nest(unix.NFTA_EXPR_DATA, f)
	})
}

func (x *batch) payload(register, base, offset, length uint32) {
	x.expr("payload", func() {
		x.num(unix.NFTA_PAYLOAD_DREG, register)
		x.num(unix.NFTA_PAYLOAD_BASE, base)
		x.num(unix.NFTA_PAYLOAD_OFFSET, offset)
		x.num(unix.NFTA_PAYLOAD_LEN, length)
	})
}

func (x *batch) meta(register, key uint32) {
	x.expr("meta", func() {
		x.num(unix.NFTA_META_KEY, key)
		x.num(unix.NFTA_META_DREG, register)
	})
}

func (x *batch) compare(value byte) {
	x.expr("cmp", func() {
		x.num(unix.NFTA_CMP_SREG, unix.NFT_REG_1)
		x.num(unix.NFTA_CMP_OP, unix.NFT_CMP_EQ)
		x.nest(unix.NFTA_CMP_DATA, func() { x.data(unix.NFTA_DATA_VALUE, []byte{value}) })
	})
}

func (x *batch) lookup(set string) {
	x.expr("lookup", func() {
		x.text(unix.NFTA_LOOKUP_SET, set)
		x.num(unix.NFTA_LOOKUP_SREG, unix.NFT_REG_1)
	})
}

func (x *batch) verdict(code uint32) {
	x.expr("immediate", func() {
		x.num(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT)
		x.nest(unix.NFTA_IMMEDIATE_DATA, func() {
			x.nest(unix.NFTA_DATA_VERDICT, func() { x.num(unix.NFTA_VERDICT_CODE, code) })
		})
	})
}

func (x *batch) table(typ, flags uint16, name string) {
	x.message(typ, flags, func() { x.text(unix.NFTA_TABLE_NAME, name) })
}

func (x *batch) chain(table, name string, hook uint32, priority int32) {
	x.message(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, func() {
		x.text(unix.NFTA_CHAIN_TABLE, table)
		x.text(unix.NFTA_CHAIN_NAME, name)
		x.nest(unix.NFTA_CHAIN_HOOK, func() {
			x.num(unix.NFTA_HOOK_HOOKNUM, hook)
			x.num(unix.NFTA_HOOK_PRIORITY, uint32(priority))
		})
		x.num(unix.NFTA_CHAIN_POLICY, nftAccept)
		x.text(unix.NFTA_CHAIN_TYPE, "filter")
	})
}

func (x *batch) set(w *host.Wall, name string, typ, length uint32) {
	x.message(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, func() {
		x.text(unix.NFTA_SET_TABLE, w.Table)
		x.text(unix.NFTA_SET_NAME, name)
		x.num(unix.NFTA_SET_FLAGS, 0)
		x.num(unix.NFTA_SET_KEY_TYPE, typ)
		x.num(unix.NFTA_SET_KEY_LEN, length)
		x.num(unix.NFTA_SET_ID, x.seq) // unique within the transaction
		x.data(unix.NFTA_SET_USERDATA, markData(w.Mark))
	})
}

func (x *batch) rule(table, chain string, f func()) {
	x.message(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, func() {
		x.text(unix.NFTA_RULE_TABLE, table)
		x.text(unix.NFTA_RULE_CHAIN, chain)
		x.nest(unix.NFTA_RULE_EXPRESSIONS, f)
	})
}

// elements adds elements to a set, or deletes them.
func (x *batch) elements(typ uint16, table, set string, keys [][]byte) {
	flags := uint16(0)
	if typ == unix.NFT_MSG_NEWSETELEM {
		flags = unix.NLM_F_CREATE
	}
	for len(keys) > 0 {
		part := keys[:min(chunk, len(keys))]
		keys = keys[len(part):]
		x.message(typ, flags, func() {
			x.text(unix.NFTA_SET_ELEM_LIST_TABLE, table)
			x.text(unix.NFTA_SET_ELEM_LIST_SET, set)
			x.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
				for _, key := range part {
					x.nest(unix.NFTA_LIST_ELEM, func() {
						x.nest(unix.NFTA_SET_ELEM_KEY, func() { x.data(unix.NFTA_DATA_VALUE, key) })
					})
				}
			})
		})
	}
}

// barKey is a bar as the element of a set, and which set.
func barKey(b host.Bar) (set string, key []byte) {
	ip := b.Addr.AsSlice()
	switch {
	case b.Index != 0:
		return setByIndex, native.AppendUint32(ip, uint32(b.Index))
	case b.Link != "":
		var name [unix.IFNAMSIZ]byte
		copy(name[:unix.IFNAMSIZ-1], b.Link)
		return setByName, append(ip, name[:]...)
	}
	return setVIPs, ip
}
