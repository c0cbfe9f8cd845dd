package config_test

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/config"
)

// What went wrong in other VRRP daemons: docs/regressions.md.

// instance loads a file with one or more instances, and returns the first and what was said, as one text.
func loaded(t *testing.T, text string) (*config.Config, string) {
	t.Helper()
	r := load(text, true)
	var said []string
	for _, d := range r.Diags.Sorted() {
		said = append(said, d.Severity.String()+" "+d.Text)
	}
	if r.Config == nil {
		t.Fatalf("refused: %s", strings.Join(said, "\n"))
	}
	return r.Config, strings.Join(said, "\n")
}

func TestRegressionA8_FractionOfASecondInVersion2(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{{"0.4", time.Second}, {"0.01", time.Second}, {"1.4", time.Second}, {"1.6", 2 * time.Second}} {
		cfg, said := loaded(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nadvert_int "+c.text+"\nvirtual_ipaddress {\n10.0.0.1\n}\n}")
		if got := cfg.Instances[0].AdvertInterval; got != c.want || !strings.Contains(said, "must be an integer") {
			t.Errorf("%s s is %v; %s", c.text, got, said)
		}
	}
}

func TestRegressionE84_MoreAddressesThanFit(t *testing.T) {
	// What is left out of the packet is out of the count as well: both lists together are what was configured, in its order.
	cfg, said := loaded(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n"+
		"~SEQ(B, 1, 200) 10.0.0.$B\n~SEQ(B, 1, 200) 10.0.1.$B\n~SEQ(B, 1, 200) 10.0.2.$B\n}\n}")
	a := cfg.Instances[0]
	if len(a.Addresses) != 255 || len(a.Addresses)+len(a.Excluded) != 600 || !strings.Contains(said, "excess moved to eVIPs") {
		t.Errorf("%d and %d; %s", len(a.Addresses), len(a.Excluded), said)
	}
	seen := map[string]bool{}
	for _, list := range [][]config.Address{a.Addresses, a.Excluded} {
		for i := range list {
			seen[list[i].Prefix.String()] = true
		}
	}
	if len(seen) != 600 {
		t.Errorf("%d different addresses", len(seen))
	}
}

func TestRegressionE86_LongPassword(t *testing.T) {
	cfg, said := loaded(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nauthentication {\nauth_type PASS\nauth_pass ninechars\n}\nvirtual_ipaddress {\n10.0.0.1\n}\n}")
	if got := cfg.Instances[0].Auth.Password; got != "ninechar" || !strings.Contains(said, "error Truncating auth_pass to 8 characters") {
		t.Errorf("%q; %s", got, said)
	}
}

func TestRegressionD78_SameLinkLocalAddressOnTwoLinks(t *testing.T) {
	cfg, said := loaded(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\nfe80::1\n}\n}\n"+
		"vrrp_instance B {\ninterface eth1\nvirtual_router_id 51\nvirtual_ipaddress {\nfe80::1\n}\n}")
	if a, b := cfg.Instances[0].Addresses, cfg.Instances[1].Addresses; len(a) != 1 || len(b) != 1 || a[0].Dev != "eth0" || b[0].Dev != "eth1" || said != "" {
		t.Errorf("%v, %v; %s", a, b, said)
	}
}

func TestRegressionF100_ReversedScriptOfGroupAndMember(t *testing.T) {
	cfg, said := loaded(t, "global_defs {\nscript_user root\nenable_script_security\n}\nvrrp_script chk {\nscript /bin/true\n}\n"+
		"vrrp_sync_group G {\ngroup {\nA\nB\n}\ntrack_script {\nchk weight 0 reverse\n}\n}\n"+
		"vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\ntrack_script {\nchk weight 0 reverse\n}\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n"+
		"vrrp_instance B {\ninterface eth0\nvirtual_router_id 52\nvirtual_ipaddress {\n10.0.0.2\n}\n}")
	for _, i := range cfg.Instances {
		if s := i.Track.Scripts; len(s) != 1 || !s[0].Reverse || !s[0].FromGroup {
			t.Errorf("%s tracks %+v; %s", i.Name, s, said)
		}
	}
}
