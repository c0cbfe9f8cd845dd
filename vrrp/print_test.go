package vrrp

import (
	"fmt"
	"net/netip"
	"strings"

	"holdfast.dev/host"
	"holdfast.dev/notify"
)

func (w *world) say(format string, args ...any) {
	fmt.Fprintf(&w.out, "%8.3f  %s\n", w.now.Mono.Sub(epoch.Mono).Seconds(), fmt.Sprintf(format, args...))
}

func (w *world) name(o host.Owner) string {
	if r := w.e.owners[o]; r != nil {
		w.names[o] = r.Name()
	}
	return w.names[o]
}

func (w *world) print(a Action) {
	switch a := a.(type) {
	case *Send:
		if w.sent != nil {
			w.sent(a)
		}
		w.printSend(a)
	case *Announce:
		if w.announced != nil {
			w.announced(a.Items)
		}
		w.printAnnounce(a)
	case *Transition:
		c := a.Cause
		text := c.Why.String()
		if c.Text != "" {
			text += ", " + c.Text
		}
		if c.From.IsValid() {
			text += fmt.Sprintf(", %s priority %d", c.From, c.Priority)
		}
		w.say("%s %s -> %s: %s", a.Name, a.From, a.To, text)
	case *Notify:
		w.printNotify(a.Event)
	case *Note:
		if a.Hand != NoHand {
			w.say("tells %s: %s", a.Dst, a.Hand)
			return
		}
		if w.noted == nil {
			w.noted = map[netip.Addr]Note{}
		}
		if w.noted[a.Dst] != *a { // it is repeated once a second
			w.noted[a.Dst] = *a
			w.say("tells %s: %s, priority %d, %s", a.Dst, a.State, a.Priority, map[bool]string{true: "heard", false: "not heard"}[a.Hears])
		}
	case *Refused:
		w.say("%s refused from %s: %s", a.Name, a.From, a.Reason)
	case *Report:
		level := map[Level]string{Info: "log", Warning: "warning", Error: "error"}[a.Level]
		if a.Detail > 0 {
			level = fmt.Sprintf("%s -D%d", level, a.Detail)
		}
		w.say("%s: %s", level, a.Text)
	}
}

func (w *world) printSend(a *Send) {
	m := (&Received{Port: a.Port, Payload: a.Payload}).message()
	seconds := fmt.Sprintf("every %d s", m[5])
	if m[0]>>4 == 3 {
		seconds = fmt.Sprintf("every %d cs", int(m[4])<<8|int(m[5]))
	}
	more := ""
	if a.TTL != 255 {
		more = fmt.Sprintf(" ttl %d", a.TTL)
	}
	w.say("%s advert %d from %s to %s, priority %d, %s, %d addresses%s", w.name(a.Owner), a.ID, a.Src, a.Dst, m[2], seconds, m[3], more+sealOf(a))
}

func (w *world) printNotify(ev notify.Event) {
	w.notified = append(w.notified, ev)
	text := ""
	if ev.Times.Decided != w.now.Mono {
		text = fmt.Sprintf(" decided %.3f", ev.Times.Decided.Sub(epoch.Mono).Seconds())
	}
	if ev.Shown != "" {
		text += " shown as " + ev.Shown
	}
	if ev.Again {
		text += " again"
	}
	if ev.Mail {
		text += " by mail"
	}
	w.say("notify %s %s %s %d%s", ev.Object, ev.Name, ev.State, ev.Priority, text)
}

// printAnnounce writes the addresses in order, repeated ones once with their number.
func (w *world) printAnnounce(a *Announce) {
	if len(a.Items) > SlicePackets {
		w.t.Errorf("%d announcements in one slice", len(a.Items))
	}
	var words []string
	for i := 0; i < len(a.Items); {
		j := i
		for j < len(a.Items) && a.Items[j] == a.Items[i] {
			j++
		}
		it := a.Items[i]
		text := fmt.Sprintf("%s@%d", it.Addr, it.Index)
		if it.Router {
			text += " router"
		}
		if j-i > 1 {
			text += fmt.Sprintf(" x%d", j-i)
		}
		words = append(words, text)
		i = j
	}
	if len(words) > 12 {
		words = append(words[:3], fmt.Sprintf("... %d in all", len(a.Items)))
	}
	w.say("announce %s", strings.Join(words, ", "))
}

func (w *world) printWant(o host.Owner, gen uint64, st host.State) {
	if gen == 0 {
		w.say("%s is forgotten", w.name(o))
		return
	}
	var words []string
	for _, a := range st.Addresses {
		word := a.Prefix.String() + "@" + a.Link
		if a.Barred {
			word += "!barred"
		}
		words = append(words, word)
	}
	text := strings.Join(words, " ")
	if text == "" {
		text = "nothing"
	}
	if st.Wall.Table != "" {
		text += ", a firewall " + st.Wall.Table
	}
	if n := len(st.Absent); n > 0 {
		text += fmt.Sprintf(", %d swept", n)
	}
	w.say("%s wants %s", w.name(o), text)
}
