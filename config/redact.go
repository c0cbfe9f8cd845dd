package config

// Hidden stands for a password in what is shown.
const Hidden = "(secret)"

// WithoutSecrets is a copy of c to be shown: passwords are replaced by Hidden, and of keys only the numbers are left. It shares everything
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
	return &shown
}
