package config

import "net/url"

// Hidden stands for a password in what is shown.
const Hidden = "(secret)"

// WithoutSecrets is a copy of c to be shown: passwords and the paths of webhooks are replaced by Hidden, and of keys only the numbers are left. It shares everything
// else with c.
func (c *Config) WithoutSecrets() *Config {
	shown := *c
	shown.Instances = append([]Instance(nil), c.Instances...)
	for i := range shown.Instances {
		in := &shown.Instances[i]
		if in.Auth.Password != "" {
			in.Auth.Password = Hidden
		}
		if in.HMAC == nil {
			continue
		}
		h := *in.HMAC
		h.Keys = nil
		for _, k := range in.HMAC.Keys {
			h.Keys = append(h.Keys, HMACKey{ID: k.ID})
		}
		in.HMAC = &h
	}
	shown.Global.Notify.Webhooks = append([]Webhook(nil), c.Global.Notify.Webhooks...)
	for i := range shown.Global.Notify.Webhooks {
		w := &shown.Global.Notify.Webhooks[i]
		if u, err := url.Parse(w.URL); err == nil {
			w.URL = u.Scheme + "://" + u.Host + "/" + Hidden // there may be a key in the rest
		}
	}
	return &shown
}
