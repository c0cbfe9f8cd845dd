// Package webhook tells of transitions by HTTP: a POST with a JSON object for each. keepalived has nothing like it.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"holdfast.dev/notify"
	"holdfast.dev/notify/outbox"
)

// Hook is an address that is told of every transition.
type Hook struct {
	URL      string
	Timeout  time.Duration // of one try
	Tries    int
	RouterID string
}

// Body is what is posted.
type Body struct {
	Version  int           `json:"version"`   // 1
	ID       string        `json:"id"`        // the same in every try of one transition
	Time     time.Time     `json:"time"`      // of the transition
	RouterID string        `json:"router_id"` // of this host
	Object   notify.Object `json:"object"`    // INSTANCE or GROUP
	Name     string        `json:"name"`
	State    string        `json:"state"`    // MASTER, BACKUP, FAULT, STOP, DELETED, MASTER_RX_LOWER_PRI, TROUBLE or TROUBLE_OVER
	Priority uint8         `json:"priority"` // effective; 0 for groups
	Trouble  *Trouble      `json:"trouble,omitempty"`
}

// Trouble is what TROUBLE and TROUBLE_OVER are about.
type Trouble struct {
	Kind string `json:"kind"`
	Who  string `json:"who"`
	Text string `json:"text"`
}

func isTrouble(ev *notify.Event) bool {
	return ev.State == notify.Trouble || ev.State == notify.TroubleOver
}

// Wanted reports whether an event is one that webhooks tell of.
func Wanted(ev *notify.Event) bool { return isTrouble(ev) || ev.News() && ev.Word() != "" }

// ID tells an event from all others of this host since it was booted.
func ID(ev *notify.Event) string { return fmt.Sprintf("%x-%d", int64(ev.Times.Decided), ev.Seq) }

// Post makes one try. at is the time of the transition.
func (h *Hook) Post(ctx context.Context, client *http.Client, ev *notify.Event, at time.Time) error {
	b := Body{
		Version: 1, ID: ID(ev), Time: at.UTC(), RouterID: h.RouterID, Object: ev.Object, Name: ev.Name, State: ev.Word(), Priority: ev.Priority,
	}
	if isTrouble(ev) {
		b.State, b.Trouble = ev.State, &Trouble{ev.Trouble.Kind, ev.Trouble.Who, ev.Trouble.Text}
	}
	body, err := json.Marshal(b)
	if err != nil {
		return &outbox.Permanent{Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return &outbox.Permanent{Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "holdfast")
	req.Header.Set("Idempotency-Key", ID(ev))
	res, err := client.Do(req)
	var where *url.Error
	if errors.As(err, &where) {
		return where.Err // without the address, in which there may be a secret
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return fmt.Errorf("the answer is %s", res.Status)
	default:
		return &outbox.Permanent{Err: fmt.Errorf("the answer is %s", res.Status)}
	}
}

// Client is for Post: it follows no redirects, uses no proxy and keeps no connections.
func Client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
