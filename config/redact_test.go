package config_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"holdfast.dev/config"
)

func TestWithoutSecrets(t *testing.T) {
	const key = "s3cretz-s3cretz-s3cretz-s3cretz-s3cretz"
	instance := func(name, vrid, auth string) string {
		return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id " + vrid + "\n" + auth + "\nvirtual_ipaddress {\n10.0.0." + vrid + "\n}\n}\n"
	}
	res := load(instance("A", "1", "authentication {\nauth_type AH\nauth_pass s3cretz\n}")+
		instance("B", "2", "auth_hmac {\nkey 7 "+key+"\nactive_key 7\n}")+instance("C", "3", ""), false)
	if res.Config == nil {
		t.Fatal(res.Diags.Sorted())
	}
	text, err := json.Marshal(res.Config.WithoutSecrets())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"s3cretz", base64.StdEncoding.EncodeToString([]byte(key))[:20]} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	if !strings.Contains(string(text), config.Hidden) || !strings.Contains(string(text), `"ID":7`) {
		t.Errorf("nothing is left: %s", text)
	}
	if i := res.Config.Instances; i[0].Auth.Password != "s3cretz" || string(i[1].HMAC.Keys[0].Secret) != key {
		t.Error("the original was changed")
	}
}
