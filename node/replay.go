package node

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"holdfast.dev/clock"
	"holdfast.dev/host"
	"holdfast.dev/internal/graph"
	"holdfast.dev/notify"
	"holdfast.dev/vrrp"
)

// maxRecordLine bounds one line of a recording: a configuration of thousands of routers fits.
const maxRecordLine = 32 << 20

// Seen is told of every event of a recording before it is handled, with the engine. Nil is told nothing.
type Seen func(now clock.Now, ev vrrp.Event, e *vrrp.Engine)

// Replay gives a recording to an engine and what that decides to out; nil is nobody. It returns how many events there were, and an error that
// names the line if the recording cannot be read, or if the engine decided otherwise than the one that was recorded.
func Replay(recording io.Reader, out Outputs, seen Seen) (events int, err error) {
	lines := bufio.NewScanner(recording)
	lines.Buffer(make([]byte, 64<<10), maxRecordLine)
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return 0, err
		}
		return 0, io.ErrUnexpectedEOF
	}
	if out == nil {
		out = nobody{}
	}
	t := &tee{Outputs: out, on: true, replay: true}
	d, err := replayFrom(lines.Bytes(), t)
	if err != nil {
		return 0, err
	}
	for number := 2; lines.Scan(); number++ {
		var l recordLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return events, fmt.Errorf("line %d: %w", number, err)
		}
		if err := l.replay(d, t, seen); err != nil {
			return events, fmt.Errorf("line %d: %w", number, err)
		}
		events++
	}
	return events, lines.Err()
}

// replayFrom makes the driver that the first line of a recording says.
func replayFrom(line []byte, t *tee) (*Driver, error) {
	var head recordHead
	if err := json.Unmarshal(line, &head); err != nil || head.Format != recordFormat {
		return nil, fmt.Errorf("this is no %s", recordFormat)
	}
	if head.Version != recordVersion {
		return nil, fmt.Errorf("a recording of version %d; this program reads version %d", head.Version, recordVersion)
	}
	if head.State == nil {
		return NewDriver(vrrp.New(head.Start), t), nil
	}
	var state *recordState
	if err := graph.Decode(head.State, &state); errors.Is(err, graph.ErrLayout) {
		return nil, errors.New("it was begun while the daemon ran, with the state of its engine, which only a program of the same build can read")
	} else if err != nil {
		return nil, err
	}
	if state.engine == nil || !revive(state.engine) {
		return nil, errors.New("its state is none that an engine can be in")
	}
	d := NewDriver(state.engine, t)
	if state.failed != nil {
		d.failed = state.failed
	}
	return d, nil
}

// revive completes an engine, which may be in a state that no engine has ever been in.
func revive(e *vrrp.Engine) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return e.Revive()
}

// replay handles the event of one line.
func (l *recordLine) replay(d *Driver, t *tee, seen Seen) (err error) {
	if l.K == "generation" {
		gen, err := strconv.ParseUint(string(l.E), 10, 64)
		d.Engine.SetGeneration(gen)
		return err
	}
	kind, ok := kinds[l.K]
	if !ok {
		return fmt.Errorf("no event is called %q", l.K)
	}
	ev := reflect.New(kind).Interface().(vrrp.Event)
	if len(l.E) > 0 {
		if err := json.Unmarshal(l.E, ev); err != nil {
			return fmt.Errorf("%s: %w", l.K, err)
		}
	}
	defer func() { // a state, or an event, that no daemon has ever been in
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", l.K, p)
		}
	}()
	now := clock.Now{Mono: clock.Instant(l.N[0]), Boot: clock.Instant(l.N[1]), Wall: l.N[2]}
	if seen != nil {
		seen(now, ev, d.Engine)
	}
	t.begin()
	t.errs = l.X
	d.Handle(now, ev)
	if _, digest := t.end(); digest != l.D {
		return fmt.Errorf("%s is decided otherwise than it was recorded", l.K)
	}
	return nil
}

// nobody is who does nothing with what is decided.
type nobody struct{}

func (nobody) Send(*vrrp.Send) error               { return nil }
func (nobody) Announce([]vrrp.Announcement)        {}
func (nobody) Want(host.Owner, uint64, host.State) {}
func (nobody) Forget(host.Owner)                   {}
func (nobody) Tell(notify.Event)                   {}
func (nobody) Note(*vrrp.Note)                     {}
func (nobody) Report(*vrrp.Report)                 {}
func (nobody) Refused(*vrrp.Refused)               {}
func (nobody) Moved(*vrrp.Transition)              {}
func (nobody) Publish(*vrrp.Router)                {}

// kinds has the events by the names of their types.
var kinds = kindsOf(
	vrrp.AdvertsDue{}, vrrp.Wakeup{}, vrrp.Configure{}, vrrp.Received{}, vrrp.Overflow{}, vrrp.LinkChanged{}, vrrp.LinkGone{}, vrrp.Applied{},
	vrrp.Lost{}, vrrp.Tracked{}, vrrp.Sent{}, vrrp.Stop{}, vrrp.Claimed{}, vrrp.Challenged{},
	vrrp.PeerDied{}, vrrp.PeerReport{}, vrrp.PeerLink{}, vrrp.PeerHand{}, vrrp.CarrierLost{},
)

func kindsOf(list ...any) map[string]reflect.Type {
	m := make(map[string]reflect.Type, len(list))
	for _, v := range list {
		m[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	return m
}

func kindOf(ev vrrp.Event) string { return reflect.TypeOf(ev).Elem().Name() }
