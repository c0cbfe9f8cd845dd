package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"holdfast.dev/status/view"
)

// Client asks a daemon through its socket.
type Client struct {
	path string
	http *http.Client
}

// NewClient makes a client of the socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) }
	return &Client{path, &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// maxPath is the longest name that the kernel takes for a unix socket.
const maxPath = 107

// dial connects to a socket, also where its name is too long for the kernel.
func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	if len(path) <= maxPath {
		return d.DialContext(ctx, "unix", path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

// askTime is how long a daemon may take to answer.
const askTime = 10 * time.Second

// maxAnswer bounds what is read of an answer, in octets.
const maxAnswer = 64 << 20

// Get asks for a path, such as "/v1/status", and returns the JSON.
func (c *Client) Get(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	body, err := c.open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxAnswer))
}

func (c *Client) open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://holdfast"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("%s at %s: %w", unheard(err), c.path, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var p Problem
	if json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&p) != nil || p.Error == "" {
		p.Error = resp.Status
	}
	return nil, fmt.Errorf("the daemon at %s answers: %s", c.path, p.Error)
}

// unheard says what it means that a daemon could not be asked.
func unheard(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "no daemon answers"
	case errors.Is(err, fs.ErrPermission):
		return "only root and the group holdfast may ask the daemon"
	}
	return "can't ask the daemon"
}

// Status asks how the daemon is.
func (c *Client) Status() (*view.Status, error) {
	data, err := c.Get("/v1/status")
	if err != nil {
		return nil, err
	}
	var s view.Status
	return &s, json.Unmarshal(data, &s)
}

// EventsPath is what to ask for events: the latest limit of those of that name, or of all if it is empty.
func EventsPath(limit int, name string, follow bool) string {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if name != "" {
		q.Set("name", name)
	}
	if follow {
		q.Set("follow", "true")
	}
	return "/v1/events?" + q.Encode()
}

// Events asks for the latest events.
func (c *Client) Events(limit int, name string) ([]view.Event, error) {
	data, err := c.Get(EventsPath(limit, name, false))
	if err != nil {
		return nil, err
	}
	var got struct{ Events []view.Event }
	return got.Events, json.Unmarshal(data, &got)
}

// Follow calls each with the JSON of every event, as it becomes known and again when more is known, until each returns an error, ctx ends
// or the daemon does.
func (c *Client) Follow(ctx context.Context, limit int, name string, each func(line []byte) error) error {
	body, err := c.open(ctx, EventsPath(limit, name, true))
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue // it lives
		}
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return lines.Err()
}

// Close ends connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }
