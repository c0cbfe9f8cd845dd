package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// Tables is host.Kernel's. The first call has the kernel tell of changes to routes and rules from then on: on a router
// with a full table there are many, which are of no use to who has none of his own.
func (m *machine) Tables(ask []host.Query) ([]host.Route, []host.Rule, error) {
	if err := m.watch.joinTables(); err != nil {
		return nil, nil, err
	}
	m.heavy()
	return m.requests.tables(ask)
}

// tables reads the parts of the routing tables and the rules that are asked for.
func (q *requests) tables(ask []host.Query) (routes []host.Route, rules []host.Rule, err error) {
	for _, one := range ask {
		if one.Rules {
			rules, err = q.rules(one.V6, rules)
		} else {
			routes, err = q.routes(one, routes)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return routes, rules, nil
}

// routes appends the routes of one table and protocol. Kernels before 4.20 tell of all.
func (q *requests) routes(one host.Query, routes []host.Route) ([]host.Route, error) {
	body := make([]byte, unix.SizeofRtMsg)
	body[0] = family(one.V6)
	if q.strict {
		if one.Table < 256 {
			body[4] = byte(one.Table)
		}
		body[5] = one.Proto
		body = appendAttr32(body, unix.RTA_TABLE, one.Table)
	}
	before := len(routes)
	err := q.dump(unix.RTM_GETROUTE, body, func() { routes = routes[:before] }, func(m message) {
		if m.typ != unix.RTM_NEWROUTE {
			return
		}
		if rt, ok := decodeRoute(m.body); ok && rt.Is6() == one.V6 && rt.Table == one.Table && rt.Proto == one.Proto {
			routes = append(routes, *rt)
		}
	})
	if err != nil && !errors.Is(err, unix.ENOENT) && !noFamily(err) { // a table that nothing is in yet
		return nil, fmt.Errorf("reading routes: %w", err)
	}
	return routes, nil
}

func (q *requests) rules(six bool, rules []host.Rule) ([]host.Rule, error) {
	body := make([]byte, ruleLen)
	body[0] = family(six)
	before := len(rules)
	err := q.dump(unix.RTM_GETRULE, body, func() { rules = rules[:before] }, func(m message) {
		if ru, ok := decodeRule(m.body); ok && m.typ == unix.RTM_NEWRULE && ru.V6 == six {
			rules = append(rules, *ru)
		}
	})
	if err != nil && !noFamily(err) {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	return rules, nil
}

// noFamily reports whether an error says that the kernel does not have the address family.
func noFamily(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT)
}

// joinTables has the kernel tell of routes and rules, once.
func (w *watch) joinTables() error {
	if w.tables {
		return nil
	}
	for _, group := range []uint32{
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
	} {
		if err := w.conn.JoinGroup(group); err != nil {
			return fmt.Errorf("joining netlink group %d: %w", group, err)
		}
	}
	w.tables = true
	return nil
}

// decodeEntry turns a notification about a route or rule into an event.
func decodeEntry(m message) (ev host.Event, ok bool) {
	ev.Kind = host.EntryChanged
	if m.pid != 0 {
		ev.By = host.ByOther
	}
	switch m.typ {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		ev.Route, ok = decodeRoute(m.body)
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		ev.Rule, ok = decodeRule(m.body)
	}
	return ev, ok
}
