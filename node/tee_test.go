package node

import (
	"testing"

	"holdfast.dev/host"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// Whatever is decided is in the digest of a recording: another decision is noticed, of whatever kind it is.
func TestEveryDecisionCounts(t *testing.T) {
	seen := map[uint64]string{}
	for name, do := range map[string]func(t *tee){
		"nothing":     func(*tee) {},
		"send":        func(t *tee) { _ = t.Send(&vrrp.Send{Owner: 1}) },
		"send 2":      func(t *tee) { _ = t.Send(&vrrp.Send{Owner: 2}) },
		"announce":    func(t *tee) { t.Announce([]vrrp.Announcement{{Owner: 1}}) },
		"announce 2":  func(t *tee) { t.Announce([]vrrp.Announcement{{Owner: 2}}) },
		"want":        func(t *tee) { t.Want(1, 1, host.State{}) },
		"want more":   func(t *tee) { t.Want(1, 1, host.State{Promote: []string{"eth0"}}) },
		"forget":      func(t *tee) { t.Forget(1) },
		"forget 2":    func(t *tee) { t.Forget(2) },
		"tell":        func(t *tee) { t.Tell(notify.Event{Name: "R"}) },
		"tell more":   func(t *tee) { t.Tell(notify.Event{Name: "S"}) },
		"report":      func(t *tee) { t.Report(&vrrp.Report{Text: "a"}) },
		"report more": func(t *tee) { t.Report(&vrrp.Report{Text: "b"}) },
		"refused":     func(t *tee) { t.Refused(&vrrp.Refused{Owner: 1}) },
		"refused 2":   func(t *tee) { t.Refused(&vrrp.Refused{Owner: 2}) },
		"moved":       func(t *tee) { t.Moved(&vrrp.Transition{To: vrrp.Master}) },
		"moved 2":     func(t *tee) { t.Moved(&vrrp.Transition{To: vrrp.Backup}) },
	} {
		x := &tee{Outputs: nobody{}, on: true}
		x.begin()
		do(x)
		if _, digest := x.end(); seen[digest] != "" {
			t.Errorf("%s has the digest of %s", name, seen[digest])
		} else {
			seen[digest] = name
		}
		x.begin()
		if errs, digest := x.end(); digest != 0 || len(errs) > 0 {
			t.Errorf("%s is still there in the next event", name)
		}
	}
}
