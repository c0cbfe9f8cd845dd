package node

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"holdfast.dev/clock"
	"holdfast.dev/vrrp"
)

// maxRecordLine bounds one line of a recording: a configuration of thousands of routers fits.
const maxRecordLine = 32 << 20

// Replay gives a recording to a new engine. It returns how many events there were, and an error that names the line if the recording
// cannot be read or if the engine decided otherwise than the one that was recorded. seen, if it is not nil, is told of every event
// before it is handled, with the engine.
func Replay(recording io.Reader, seen func(now clock.Now, ev vrrp.Event, e *vrrp.Engine)) (events int, err error) {
	lines := bufio.NewScanner(recording)
	lines.Buffer(make([]byte, 64<<10), maxRecordLine)
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return 0, err
		}
		return 0, io.ErrUnexpectedEOF
	}
	var head recordHead
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Format != recordFormat {
		return 0, fmt.Errorf("this is no %s", recordFormat)
	}
	if head.Version != recordVersion {
		return 0, fmt.Errorf("a recording of version %d; this program reads version %d", head.Version, recordVersion)
	}
	t := &tee{replay: true}
	d := NewDriver(vrrp.New(head.Start), t)
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

// replay handles the event of one line.
func (l *recordLine) replay(d *Driver, t *tee, seen func(clock.Now, vrrp.Event, *vrrp.Engine)) error {
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

// kinds has the events by the names of their types.
var kinds = kindsOf(
	vrrp.AdvertsDue{}, vrrp.Wakeup{}, vrrp.Configure{}, vrrp.Received{}, vrrp.Overflow{}, vrrp.LinkChanged{}, vrrp.LinkGone{}, vrrp.Applied{},
	vrrp.Lost{}, vrrp.Tracked{}, vrrp.Sent{}, vrrp.Stop{}, vrrp.Claimed{},
)

func kindsOf(list ...any) map[string]reflect.Type {
	m := make(map[string]reflect.Type, len(list))
	for _, v := range list {
		m[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	return m
}

func kindOf(ev vrrp.Event) string { return reflect.TypeOf(ev).Elem().Name() }
