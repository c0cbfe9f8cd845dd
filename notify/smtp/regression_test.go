package smtp

import (
	"strings"
	"testing"

	"holdfast.dev/notify"
)

// F90: BACKUP to FAULT is told by mail, unless the file says otherwise.
func TestRegressionF90_FaultIsMailed(t *testing.T) {
	s := settings()
	for _, o := range []notify.Object{notify.Instance, notify.Group} {
		ev := &notify.Event{Object: o, Name: "X", State: notify.Fault, Mail: true}
		if !s.Wanted(ev) || !strings.Contains(s.Message(ev, date), "Entering FAULT state") {
			t.Errorf("%s: nothing", o)
		}
	}
}
