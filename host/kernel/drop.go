package kernel

import (
	"math/rand/v2"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// To delete a link takes the kernel some 18 ms, in which it waits for the other processors, and to delete a group of links takes it hardly longer. So
// what is to be deleted is made a group of its own first, of a number that nobody has: the kernel's numbers have 32 bits, and people's are small.

// dropLinks deletes links of ours, and gives the bases their settings back where they were the last ones there. There is a result for each.
func (q *requests) dropLinks(ops []host.Op, results []host.OpResult) []host.OpResult {
	first, group := len(results), rand.Uint32()|1<<31
	infos := make([]linkInfo, len(ops))
	for i := range ops {
		var err error
		if infos[i], err = q.linkInfo(ops[i].Index, ""); err == nil && len(ops) > 1 {
			err = q.changeLink(ops[i].Index, keepFlags, appendAttr32(nil, unix.IFLA_GROUP, group))
		}
		results = append(results, linkResult("", step("deleting "+ops[i].Link.Want.Name, err)))
	}
	together := len(ops) > 1 && q.deleteGroup(group) == nil
	for i := range ops {
		res := &results[first+i]
		if res.Outcome != host.Done {
			continue
		}
		var err error
		if !together {
			err = step("deleting "+ops[i].Link.Want.Name, q.deleteLink(ops[i].Index))
		}
		if err == nil {
			err = q.giveBack(ops[i].Link, &infos[i])
		}
		*res = linkResult("", err)
	}
	return results
}

// giveBack restores the settings of the base of a link that has been deleted, if it was the last one there.
func (q *requests) giveBack(o *host.LinkOp, info *linkInfo) error {
	if !o.Alone || o.Base == 0 {
		return nil
	}
	delete(q.found, o.Base)
	was, _, ok := parseAlias(info.alias)
	base, err := q.linkInfo(o.Base, "")
	if !ok || err != nil {
		return nil // the base is gone as well
	}
	var set []uint32
	if base.arp.ignore == baseIgnore && was.ignore != baseIgnore {
		set = append(set, confARPIgnore, was.ignore)
	}
	if base.arp.announce == baseAnnounce && was.announce != baseAnnounce {
		set = append(set, confARPAnnounce, was.announce)
	}
	return q.conf4(o.Base, set...)
}

func (q *requests) deleteLink(index int) error {
	body := make([]byte, ifInfoLen)
	native.PutUint32(body[4:], uint32(index))
	return q.do(unix.RTM_DELLINK, 0, body)
}

func (q *requests) deleteGroup(group uint32) error {
	return q.do(unix.RTM_DELLINK, 0, appendAttr32(make([]byte, ifInfoLen), unix.IFLA_GROUP, group))
}

// drops is how many operations at the beginning delete links.
func drops(ops []host.Op) (n int) {
	for n < len(ops) && ops[n].Link != nil && ops[n].Link.Do == host.LinkDrop {
		n++
	}
	return n
}
