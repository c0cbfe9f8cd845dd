package config_test

import (
	"os"
	"strings"
	"testing"

	"holdfast.dev/config"
	"holdfast.dev/config/sample"
)

// TestEarly: virtual servers that are built while the text is read are the same as those that wait for the end of it, which
// all do where defaults for them stand behind one.
func TestEarly(t *testing.T) {
	texts := make(map[string]string)
	cases, err := os.ReadFile("testdata/services.txt")
	if err != nil {
		t.Fatal(err)
	}
	for c := range strings.SplitSeq(string(cases), "\n=== ") {
		name, body, _ := strings.Cut(c, "\n")
		texts[name], _, _ = strings.Cut(body, "---\n")
	}
	for seed := range uint64(300) {
		texts[string(rune('a'+seed))] = sample.New(seed, true)[sample.Main]
	}
	compared := 0
	for name, text := range texts {
		if !strings.Contains(text, "virtual_server") || strings.Count(text, "{") != strings.Count(text, "}") || strings.Contains(text, "_RANDOM") {
			continue
		}
		early := load(text, true)
		waiting := load(text+"\nglobal_defs {\nchecker_log_all_failures false\n}\n", true)
		if strings.Contains(text, "checker_log_all_failures") || early.Config == nil || waiting.Config == nil {
			continue
		}
		compared++
		if !early.Config.Equal(waiting.Config) {
			t.Errorf("%s: another model", name)
		}
		if a, b := said(early), said(waiting); a != b {
			t.Errorf("%s: early\n%s\nwaiting\n%s", name, a, b)
		}
	}
	if compared < 50 {
		t.Errorf("only %d compared", compared)
	}
}

func said(r config.Result) string {
	var b strings.Builder
	for _, d := range r.Diags.Sorted() {
		b.WriteString(d.Render())
	}
	return b.String()
}

// TestEarlyDefaults: where the defaults stand makes no difference.
func TestEarlyDefaults(t *testing.T) {
	const server = "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.1.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n"
	for _, line := range []string{"smtp_alert", "smtp_alert false", "smtp_alert_checker", "smtp_alert_checker false", "checker_log_all_failures"} {
		defaults := "global_defs {\n" + line + "\n}\n"
		before, behind, between := load(defaults+server, true), load(server+defaults, true), load(server+defaults+strings.Replace(server, "10.0.0.1", "10.0.0.2", 1), true)
		s := before.Config.Services[0]
		if !before.Config.Equal(behind.Config) || len(between.Config.Services) != 2 {
			t.Fatalf("%s: not the same", line)
		}
		alert, log := line == "smtp_alert" || line == "smtp_alert_checker", line == "checker_log_all_failures"
		real := alert || log // the default
		for _, s := range append(between.Config.Services, s) {
			if s.SMTPAlert != alert || s.Servers[0].SMTPAlert != real || s.Servers[0].Checkers[0].LogAll != log {
				t.Errorf("%s: %+v", line, s)
			}
		}
	}
}
