package config

import (
	"net/netip"
	"time"

	"holdfast.dev/config/schema"
)

// The statuses that a check of HTTP wants by default.
const (
	lowStatus = 200
	topStatus = 299
)

// check reads a vrrp_check block, which is ours. One that does not say what to check can't be referred to.
func (b *builder) check(n *schema.Node) {
	c := TrackCheck{Pos: at(n.Pos), Name: n.Name(), Interval: time.Second, Rise: 1, Fall: 1}
	kinds := 0
	for i := range n.Body {
		k := &n.Body[i]
		if c.does(k) {
			kinds++
			continue
		}
		switch k.Key.Name {
		case "interval":
			setTime(&c.Interval, k)
		case "timeout":
			setTime(&c.Timeout, k)
		case "weight":
			setInt(&c.Weight, k)
			c.Reverse = k.Has("reverse")
		case "rise":
			setInt(&c.Rise, k)
		case "fall":
			setInt(&c.Fall, k)
		}
	}
	if c.Timeout == 0 {
		c.Timeout = c.Interval
	}
	switch {
	case c.Does == 0:
		b.errorf(n.Pos, "", "vrrp_check %s does not say what to check - removing", c.Name)
		return
	case kinds > 1:
		b.errorf(n.Pos, "", "vrrp_check %s checks more than one thing: only %s counts", c.Name, c.Does)
	}
	if b.define(OfCheck, c.Name, target{c.Weight, c.Reverse}) {
		b.cfg.Checks = append(b.cfg.Checks, c)
	}
}

// does takes the keywords that say what is checked; the last good one counts. ok is false for any other keyword.
func (c *TrackCheck) does(k *schema.Node) (ok bool) {
	next := TrackCheck{Low: lowStatus, Top: topStatus}
	v, good := k.Arg(0)
	switch k.Key.Name {
	case "tcp":
		port, fine := k.Arg(1)
		good = good && fine
		next.Does, next.Addr = ProbeTCP, netip.AddrPortFrom(v.Addr, uint16(port.Int))
	case "http":
		next.Does, next.URL = ProbeHTTP, v.Text
		good = good && next.options(k)
	case "systemd_unit":
		next.Does, next.Unit = ProbeUnit, v.Text
	case "file_exists":
		next.Does, next.Path = ProbeFile, v.Text
	case "default_route":
		next.Does, next.IPv6 = ProbeRoute, good && v.Text == "inet6"
		good = (good || len(k.Args) == 0) && next.options(k)
	default:
		return false
	}
	if next.Does != ProbeHTTP {
		next.Low, next.Top = 0, 0
	}
	if good {
		c.Does, c.Addr, c.URL, c.Low, c.Top, c.Insecure = next.Does, next.Addr, next.URL, next.Low, next.Top, next.Insecure
		c.Unit, c.Path, c.IPv6, c.Dev = next.Unit, next.Path, next.IPv6, next.Dev
	}
	return true
}

// options reads what may follow an URL or a family; ok is false when one of them is no good.
func (c *TrackCheck) options(k *schema.Node) (ok bool) {
	ok = true
	for i := range k.Opts {
		u := &k.Opts[i]
		switch {
		case !u.OK:
			ok = false
		case u.Name() == "status":
			c.Low, c.Top, _ = schema.HTTPStatus(u.Args[0].Text)
		case u.Name() == "insecure":
			c.Insecure = true
		case u.Name() == "dev":
			c.Dev = u.Args[0].Text
		}
	}
	return ok
}
