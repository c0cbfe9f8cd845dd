package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/config"
)

const hexKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// keyFiles are files with keys, one of them that systemd puts into $CREDENTIALS_DIRECTORY.
var keyFiles = tree{
	"/k/text": "correct horse battery staple 1234\r\n", "/k/hex": "hex:" + hexKey + "\n", "/k/short": "too short",
	"/k/nothex": "hex:" + strings.Repeat("zz", 32), "/k/shared": "hex:" + hexKey, "/run/credentials/holdfast/vrrp": "hex:" + hexKey,
}

// loadHMAC loads an instance with these lines in auth_hmac.
func loadHMAC(lines string) config.Result {
	f := tree{"/etc/c": "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nauth_hmac {\n" + lines + "\n}\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n"}
	for name, text := range keyFiles {
		f[name] = text
	}
	env := machine(false)
	env.Expand.Lookup = func(name string) (string, bool) { return "/run/credentials/holdfast", name == "CREDENTIALS_DIRECTORY" }
	return config.Load(f, "/etc/c", env)
}

func TestHMACKeys(t *testing.T) {
	raw := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i)
		}
		return string(b)
	}
	for lines, want := range map[string]string{
		"key 1 0123456789abcdef0123456789abcdef":              "0123456789abcdef0123456789abcdef",
		"key 1 hex:" + hexKey:                                 raw(32),
		"key 1 hex:" + strings.ToUpper(hexKey):                raw(32),
		"key 1 file:/k/text":                                  "correct horse battery staple 1234",
		"key 1 file:/k/hex":                                   raw(32),
		"key 1 file:${_ENV CREDENTIALS_DIRECTORY}/vrrp":       raw(32),
		"key 1 " + strings.Repeat("x", 64):                    strings.Repeat("x", 64),
		"key 1 \"a key with blanks, of more than 32 octets\"": "a key with blanks, of more than 32 octets",
	} {
		res := loadHMAC(lines + "\nactive_key 1")
		if res.Config == nil || len(res.Diags.All()) != 0 || res.Config.Instances[0].HMAC == nil {
			t.Errorf("%s: %v", lines, res.Diags.All())
			continue
		}
		h := res.Config.Instances[0].HMAC
		if got := string(h.Keys[0].Secret); got != want || h.Window != 5*time.Second || len(res.Config.Uses) != 0 {
			t.Errorf("%s: %q, window %v, not built: %v", lines, got, h.Window, res.Config.Uses)
		}
	}
}

// What is wrong with a key is said, without the key.
func TestHMACKeysRefused(t *testing.T) {
	long := strings.Repeat("s3cretz-", 9)
	for lines, want := range map[string]string{
		"key 1 s3cretz-s3cretz":                   "32 to 64 bytes",
		"key 1 " + long:                           "32 to 64 bytes",
		"key 1 hex:s3cretz-s3cretz":               "not hexadecimal",
		"key 1 file:/k/short":                     "32 to 64 bytes",
		"key 1 file:/k/nothex":                    "not hexadecimal",
		"key 1 file:/k/none":                      "no such file",
		"key " + long:                             "",
		"key " + long + " 1":                      "",
		"key 1 " + long + " s3cretz-s3cretz more": "",
		"key 300 s3cretz-s3cretz-s3cretz-s3cretz": "300",
	} {
		res := loadHMAC(lines + "\nactive_key 1")
		said := ""
		for _, d := range res.Diags.All() {
			said += d.Keepalived() + "\n" + d.Render() + fmt.Sprintf("%v\n", d.Text+d.Hint)
		}
		if said == "" || !strings.Contains(said, want) || strings.Contains(said, "s3cretz") {
			t.Errorf("%s:\n%s", lines, said)
		}
		if res.Config != nil && res.Config.Instances[0].HMAC != nil {
			t.Errorf("%s: the extension is on", lines)
		}
	}
	if res := loadHMAC("key 1 file:/k/shared\nactive_key 1"); res.Diags.ExitCode() != 6 {
		t.Errorf("a key that everybody can read: exit %d, %v", res.Diags.ExitCode(), res.Diags.All())
	}
}

// A secret is not printed by any of the usual ways.
func TestHMACSecretPrintsNothing(t *testing.T) {
	h := config.HMACKey{ID: 1, Secret: config.Secret("s3cretz")}
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if got := fmt.Sprintf(f, h); strings.Contains(got, "s3cretz") || strings.Contains(got, "733363") || strings.Contains(got, "115") {
			t.Errorf("%s: %s", f, got)
		}
	}
}
