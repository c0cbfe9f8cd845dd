package explain

import (
	"fmt"
	"time"

	"holdfast.dev/config"
)

// trackers explains what each tracker of an instance can change, and how long that takes.
func trackers(w *writer, c *config.Config, i *config.Instance) {
	if !i.DontTrackPrimary && i.Interface != "" {
		w.say("%s down: FAULT at once; the addresses move.", i.Interface)
	}
	for _, p := range i.Ports {
		w.say("%s down (it carries an address): FAULT at once.", p)
	}
	for _, t := range i.Track.Interfaces {
		w.say("%s down: %s", t.Name, effect(i, t.Weight, t.Reverse, "while it is down"))
	}
	for _, t := range i.Track.Scripts {
		s, ok := c.Script(t.Name)
		if !ok {
			continue
		}
		w.say("Script %s (runs every %s; %d bad in a row count, which takes at most %s; %d good in a row bring it back): %s", t.Name, Seconds(s.Interval), s.Fall,
			Seconds(time.Duration(s.Fall)*s.Interval+s.Timeout), s.Rise, effect(i, t.Weight, t.Reverse, "while it fails"))
	}
	for _, t := range i.Track.Others {
		if t.Kind == config.OfFile {
			w.say("File %s: %s", t.Name, fileEffect(i, &t))
			continue
		}
		when := "while it is down"
		kind := map[config.TrackKind]string{config.OfProcess: "Process", config.OfBFD: "BFD session", config.OfCheck: "Check"}[t.Kind]
		if t.Kind == config.OfCheck {
			kind, when = checkWords(c, t.Name), "while it fails"
		}
		w.say("%s %s: %s", kind, t.Name, effect(i, int(t.Weight), t.Reverse, when))
	}
}

// checkWords says what a check of ours does and how soon it notices.
func checkWords(c *config.Config, name string) string {
	for i := range c.Checks {
		k := &c.Checks[i]
		if k.Name != name {
			continue
		}
		return fmt.Sprintf("Check (holdfast's own: %s every %s; %d bad in a row count, which takes at most %s; %d good in a row bring it back)", k.Does, Seconds(k.Interval), k.Fall,
			Seconds(time.Duration(k.Fall)*k.Interval+k.Timeout), k.Rise)
	}
	return "Check"
}

// effect says what one tracker does to the priority (rules B5 and J1).
func effect(i *config.Instance, weight int, reverse bool, when string) string {
	base := int(i.Priority)
	if reverse && weight != 0 {
		weight = -weight
	}
	switch {
	case weight == 0 && reverse:
		return "FAULT while it is good, since it is reversed."
	case weight == 0:
		return "FAULT " + when + ", whatever the others' priorities are; the addresses move."
	case weight < 0:
		return fmt.Sprintf("priority %d instead of %d %s: it matters only if another node's priority is above %d and at most %d.", clamp(base+weight), base, when, clamp(base+weight), base)
	}
	return fmt.Sprintf("priority %d instead of %d while it is good: it matters only if another node's priority is above %d and at most %d.", clamp(base+weight), base, base, clamp(base+weight))
}

func fileEffect(i *config.Instance, t *config.Tracker) string {
	if t.Weight == 0 {
		if t.Reverse {
			return "FAULT while its number is 0."
		}
		return "FAULT while its number is not 0."
	}
	w := int(t.Weight)
	if t.Reverse {
		w = -w
	}
	return fmt.Sprintf("its number times %d is added to priority %d; -254 or less is FAULT.", w, i.Priority)
}

func clamp(p int) int { return max(min(p, 254), 1) }
