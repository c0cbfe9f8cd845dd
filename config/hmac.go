package config

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/schema"
)

// Limits of auth_hmac.
const (
	minSecret  = 32
	maxSecret  = 64
	minWindow  = 5 * time.Second
	maxWindow  = 300 * time.Second
	windowAdvs = 3 // intervals in the default window
)

// hmacDraft is what the auth_hmac blocks of an instance say; a second block goes on with the first.
type hmacDraft struct {
	HMAC
	pos    diag.Pos
	used   bool
	active opt[uint8]
	window opt[time.Duration]
}

func (b *builder) readHMAC(d *draft, n *schema.Node) {
	h := &d.hmac
	if !h.used {
		h.used, h.pos, h.Pos = true, n.Pos, at(n.Pos)
	}
	for i := range n.Body {
		k := &n.Body[i]
		switch k.Key.Name {
		case "key":
			b.hmacKey(d, k)
		case "active_key":
			putInt(&h.active, k)
		case "time_window":
			putTime(&h.window, k)
		case "anti_replay":
			if v, ok := k.Arg(0); ok {
				h.Monotonic = v.Int == 1
			}
		case "mode":
			setInt(&h.Mode, k)
		}
	}
}

// hmacKey reads one key: text, hex:DIGITS or file:PATH, 32 to 64 bytes after decoding.
func (b *builder) hmacKey(d *draft, k *schema.Node) {
	id, ok := k.Arg(0)
	value, okV := k.Arg(1)
	if !ok || !okV {
		return
	}
	if slices.ContainsFunc(d.hmac.Keys, func(o HMACKey) bool { return o.ID == uint8(id.Int) }) {
		b.errorf(k.Pos, d.Name, "auth_hmac key %d is there already - ignoring", id.Int)
		return
	}
	secret, why := b.secret(value)
	if why == "" && (len(secret) < minSecret || len(secret) > maxSecret) {
		why = "must be 32 to 64 bytes long"
	}
	if why != "" {
		b.say(value.Pos, diag.Error, diag.GeneralError, d.Name, "auth_hmac key "+id.Text+" "+why+" - ignoring",
			"32 to 64 characters, hex: and 64 to 128 hexadecimal digits, or file: and a path")
		return
	}
	d.hmac.Keys = append(d.hmac.Keys, HMACKey{ID: uint8(id.Int), Secret: secret})
}

// secret decodes the value of a key; why says why not.
func (b *builder) secret(v schema.Value) (secret Secret, why string) {
	file, ok := strings.CutPrefix(v.Text, "file:")
	if !ok {
		return plainSecret(v.Text)
	}
	text, facts, err := b.files.Read(file)
	if err != nil {
		return nil, "can't be read from " + file + ": " + err.Error()
	}
	if facts.Shared {
		b.say(v.Pos, diag.Error, diag.SecurityError, "", "the key file "+file+" is accessible by others than its owner",
			"chmod 600 "+file)
	}
	return plainSecret(strings.TrimRight(text, "\r\n"))
}

// plainSecret decodes what stands in the configuration or in a file of its own.
func plainSecret(text string) (secret Secret, why string) {
	digits, ok := strings.CutPrefix(text, "hex:")
	if !ok {
		return Secret(text), ""
	}
	s, err := hex.DecodeString(digits)
	if err != nil {
		return nil, "is not hexadecimal"
	}
	return s, ""
}

// completeHMAC is rule A8.
func (b *builder) completeHMAC(d *draft) {
	h := &d.hmac
	if !h.used {
		return
	}
	active, found := h.active.or(0), false
	for _, k := range h.Keys {
		found = found || k.ID == active
	}
	if !h.active.set || !found {
		b.say(h.pos, diag.Error, diag.GeneralError, d.Name, "auth_hmac has no active key - the extension is disabled",
			"active_key names one of the keys of the block")
		return
	}
	if d.Strict && h.Mode != HMACEnforce {
		b.errorf(h.pos, d.Name, "strict mode requires auth_hmac mode enforce - setting")
		h.Mode = HMACEnforce
	}
	h.Active = active
	h.Window = h.window.or(min(max((windowAdvs*d.AdvertInterval).Round(time.Second), minWindow), maxWindow))
	slices.SortFunc(h.Keys, func(a, o HMACKey) int { return int(a.ID) - int(o.ID) })
	made := h.HMAC
	d.HMAC = &made
}
