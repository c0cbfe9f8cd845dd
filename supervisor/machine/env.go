// Package machine tells the configuration what only the machine knows: its interfaces, accounts and programs.
package machine

import (
	"bufio"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/config/expand"
)

// Env looks at the machine, each part when it is first asked for: one Env is for one load. What the command line decides
// (configuration id, -e, -t, --strict) is the caller's to add.
func Env() config.Env {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	dir, _ := os.Getwd()
	links := sync.OnceValue(interfaces)
	users := sync.OnceValue(func() map[string]account { return accounts("/etc/passwd", 3) })
	groups := sync.OnceValue(func() map[string]account { return accounts("/etc/group", 3) })
	return config.Env{
		Expand: expand.Env{
			NodeName: unix.ByteSliceToString(uts.Nodename[:]), Lookup: os.LookupEnv,
			Seed: uint32(time.Now().Unix()), Dir: dir,
		},
		CPUs: runtime.NumCPU(),
		Interface: func(name string) (config.Interface, bool) {
			l, ok := links()[name]
			return l, ok
		},
		User: func(name string) (uid, gid uint32, ok bool) {
			a, ok := users()[name]
			return a.id, a.gid, ok
		},
		Group: func(name string) (gid uint32, ok bool) {
			a, ok := groups()[name]
			return a.id, ok
		},
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		Program: findProgram, Identity: inspect,
	}
}

// Groups gives a function that finds the supplementary groups of a user, the group gid included. /etc/group is read once.
func Groups() func(user string, gid uint32) []uint32 {
	members := sync.OnceValue(func() map[string][]uint32 {
		out := make(map[string][]uint32)
		eachLine("/etc/group", func(words []string) {
			var id uint32
			if len(words) < 4 || !number(words[2], &id) {
				return
			}
			for _, user := range strings.Split(words[3], ",") {
				out[user] = append(out[user], id)
			}
		})
		return out
	})
	return func(user string, gid uint32) []uint32 {
		groups := []uint32{gid}
		for _, id := range members()[user] {
			if user != "" && id != gid {
				groups = append(groups, id)
			}
		}
		return groups
	}
}

type account struct{ id, gid uint32 }

// accounts reads a file in the form of /etc/passwd or /etc/group: name:password:id[:gid...]. Services like LDAP are not
// asked: that takes the C library.
func accounts(path string, fields int) map[string]account {
	out := make(map[string]account)
	eachLine(path, func(words []string) {
		var a account
		if len(words) < fields || words[0] == "" || words[0][0] == '+' || words[0][0] == '-' || !number(words[2], &a.id) {
			return
		}
		if _, twice := out[words[0]]; twice {
			return
		}
		if len(words) > 3 {
			number(words[3], &a.gid)
		}
		out[words[0]] = a
	})
	return out
}

// eachLine splits the lines of a file at colons. A file that can't be read has none.
func eachLine(path string, do func(words []string)) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	for scan := bufio.NewScanner(io.LimitReader(f, 64<<20)); scan.Scan(); {
		do(strings.Split(scan.Text(), ":"))
	}
}

func number(s string, to *uint32) bool {
	n, err := strconv.ParseUint(s, 10, 32)
	*to = uint32(n)
	return err == nil
}
