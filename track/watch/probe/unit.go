package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"holdfast.dev/track"
)

const (
	systemdName   = "org.freedesktop.systemd1"
	systemdPath   = dbus.ObjectPath("/org/freedesktop/systemd1")
	systemdLoad   = systemdName + ".Manager.LoadUnit"
	propertiesGet = "org.freedesktop.DBus.Properties.Get"
)

// unit succeeds when systemd says that a unit is active, or being reloaded. A connection is made for each probe: a bus that was
// started anew is no trouble then, and nothing is held open between two of them.
func unit(ctx context.Context, p *track.Probe) error {
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("system bus: %w", plain(err))
	}
	defer bus.Close()
	var path dbus.ObjectPath
	if err := bus.Object(systemdName, systemdPath).CallWithContext(ctx, systemdLoad, 0, p.Unit).Store(&path); err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	var state dbus.Variant
	err = bus.Object(systemdName, path).CallWithContext(ctx, propertiesGet, 0, systemdName+".Unit", "ActiveState").Store(&state)
	if err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	switch text, _ := state.Value().(string); text {
	case "active", "reloading", "refreshing":
		return nil
	case "":
		return errors.New("systemd does not say what the unit does")
	default:
		return errors.New(text)
	}
}
