package config

import (
	"maps"
	"path"
	"slices"
	"strings"

	"holdfast.dev/config/lex"
)

// Directories with the names of routing tables and the like, as keepalived has them by default.
const (
	iprouteUsr = "/usr/share/iproute2"
	iprouteEtc = "/etc/iproute2"
)

// nameFile is a kind of names that iproute2 keeps in a file, and those that need no file.
type nameFile struct {
	file  string
	known map[string]uint32
	most  uint32
}

// The kinds of names.
var (
	tableNames = &nameFile{"rt_tables", map[string]uint32{"default": 253, "main": 254, "local": 255}, 1<<32 - 1}
	protoNames = &nameFile{"rt_protos", map[string]uint32{
		"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "gated": 8, "ra": 9, "mrt": 10, "zebra": 11, "bird": 12, "dnrouted": 13,
		"xorp": 14, "ntk": 15, "dhcp": 16, "keepalived": 18, "babel": 42, "bgp": 186, "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192,
	}, 255}
	scopeNames = &nameFile{"rt_scopes", scopeWords, 255}
	fieldNames = &nameFile{"rt_dsfield", nil, 255}
	realmNames = &nameFile{"rt_realms", map[string]uint32{"cosmos": 0}, 65535}
	groupNames = &nameFile{"group", map[string]uint32{"default": 0}, 1<<32 - 1}
)

var scopeWords = map[string]uint32{"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

// lookup is the number of a name; a number in any base is its own name.
func (b *builder) lookup(kind *nameFile, word string) (n uint32, ok bool) {
	if v, what := lex.Uint(word, 0, 0, uint64(kind.most), true); what == lex.NumberOK {
		return uint32(v), true
	}
	if n, ok = b.fileNames(kind)[word]; ok {
		return n, true
	}
	n, ok = kind.known[word]
	return n, ok
}

// fileNames reads the files of a kind once; the system's own override those of the distribution.
func (b *builder) fileNames(kind *nameFile) map[string]uint32 {
	if m, ok := b.names[kind]; ok {
		return m
	}
	m := make(map[string]uint32)
	d := &b.cfg.Global.Dirs
	for _, dir := range []string{d.IprouteUsr, d.IprouteEtc} {
		own := make(map[string]uint32)
		b.readNames(own, path.Join(dir, kind.file), kind.most)
		sub := path.Join(dir, kind.file+".d")
		entries, _ := b.files.List(sub) // most systems have none
		slices.Sort(entries)
		for _, e := range entries {
			if strings.HasSuffix(e, ".conf") {
				b.readNames(own, path.Join(sub, e), kind.most)
			}
		}
		maps.Copy(m, own)
	}
	b.names[kind] = m
	return m
}

func (b *builder) readNames(m map[string]uint32, file string, most uint32) {
	text, _, err := b.files.Read(file)
	if err != nil {
		return // a name that is then not known is reported where it is used
	}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if _, there := m[f[1]]; there {
			continue // FRR's rt_protos.d/frr.conf has another number for "static"
		}
		if v, what := lex.Uint(f[0], 0, 0, uint64(most), true); what == lex.NumberOK {
			m[f[1]] = uint32(v)
		}
	}
}
