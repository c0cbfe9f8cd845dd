package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"holdfast.dev/track"
)

// Limits of an answer, in bytes. Of its body nothing is read.
const maxHeader = 16 << 10

// fetch succeeds when the answer has one of the wanted statuses. Each probe has a connection of its own: what is to be known is whether a
// new one works. Redirects are an answer like any other, and no proxy is asked.
func fetch(ctx context.Context, p *track.Probe) error {
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: p.Insecure},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "holdfast")
	resp, err := client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode < p.Low || resp.StatusCode > p.Top {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
