package probe

import (
	"errors"
	"io/fs"
	"os"

	"holdfast.dev/track"
)

// exists succeeds when there is something of that name; a link counts when what it leads to is there.
func exists(p *track.Probe) error {
	_, err := os.Stat(p.Path)
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
