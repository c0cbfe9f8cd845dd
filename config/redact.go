package config

import "net/url"

// Hidden stands for a password in what is shown.
const Hidden = "(secret)"

// ForRoles is c without the keys of transports, which only the carrier is given. It shares everything else with c.
func (c *Config) ForRoles() *Config {
	if len(c.Identities) == 0 {
		return c
	}
	out := *c
	out.Identities = nil
	return &out
}

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
	shown.Identities = nil
	for _, id := range c.Identities {
		shown.Identities = append(shown.Identities, Identity{CertificateFile: id.CertificateFile, KeyFile: id.KeyFile, CAFile: id.CAFile})
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
