package dump

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"holdfast.dev/track"
	"holdfast.dev/vrrp"
)

// These tests read the files as programs do that others run. What those rely on was found out from the programs; the code is ours.

// running is a snapshot of instances that have a state.
func running() *Snapshot {
	s := snapshot()
	s.Config.Global.Dirs.JSONVersion = 1
	st := s.Status["V/2"]
	st.Name, st.State, st.Priority, st.Addresses = "V1", vrrp.Master, 100, 2
	s.Status["V1"] = st
	s.Sources = map[track.ID]track.State{{Name: "chk"}: {Source: "chk", Status: track.Down}}
	return s
}

// fields are what a Prometheus exporter (mehdy/keepalived-exporter and its kin) takes from the data file: objects begin with one space and a
// name behind an equals sign, fields have three spaces, what belongs to a list five; a line with less ends the object.
func fields(text, object string) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	var current map[string][]string
	key := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		switch indent := len(line) - len(body); {
		case indent == 1 && strings.HasPrefix(body, object+" ="):
			_, name, _ := strings.Cut(body, "=")
			current = map[string][]string{}
			out[strings.TrimSpace(name)] = current
		case current == nil:
		case indent < 3:
			current = nil
		case indent >= 5:
			current[key] = append(current[key], body)
		default:
			name, value, ok := strings.Cut(body, "=")
			if !ok {
				name, value, _ = strings.Cut(body, ":")
			}
			if key = strings.TrimSpace(name); strings.TrimSpace(value) != "" {
				current[key] = append(current[key], strings.TrimSpace(value))
			}
		}
	}
	return out
}

func TestAnExporterReadsTheData(t *testing.T) {
	got := fields(string(Data(running())), "VRRP Instance")
	if len(got) != 2 {
		t.Fatalf("%d instances", len(got))
	}
	for name, want := range map[string]map[string]string{
		"V1":  {"State": "MASTER", "Wantstate": "MASTER", "Interface": "eth0", "Gratuitous ARP delay": "5", "Virtual Router ID": "51"},
		"V/2": {"State": "BACKUP", "Wantstate": "BACKUP", "Interface": "eth0", "Gratuitous ARP delay": "5", "Virtual Router ID": "52"},
	} {
		for key, value := range want {
			if v := got[name][key]; len(v) != 1 || v[0] != value {
				t.Errorf("%s: %s is %q, want %q", name, key, v, value)
			}
		}
	}
	vips := got["V1"]["Virtual IP (2)"]
	if len(vips) != 2 {
		t.Fatalf("addresses %q", vips)
	}
	for i, want := range []string{"10.1.0.1/24", "10.1.0.2"} { // the first word is the address, the third the interface
		if w := strings.Split(vips[i], " "); w[0] != want || w[2] != "eth0" {
			t.Errorf("address %q", vips[i])
		}
	}
	if v := fields(string(Data(running())), "VRRP Script")["chk"]["Status"]; len(v) != 1 || v[0] != "BAD" {
		t.Errorf("the script is %q", v)
	}
	if v := fields(string(Data(running())), "VRRP Script")["chk"]["State"]; len(v) != 1 || v[0] != "running" {
		t.Errorf("the script is %q", v)
	}
	before := snapshot()
	if v := fields(string(Data(before)), "VRRP Script")["chk"]["Status"]; len(v) != 0 {
		t.Errorf("before its first result the script is %q", v)
	}
}

func TestAnExporterReadsTheStatistics(t *testing.T) {
	got := map[string]int{}
	instance, section := "", ""
	for line := range strings.Lines(string(Stats(running()))) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			t.Fatalf("no colon in %q", line)
		}
		value = strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(line, "VRRP Instance:"):
			instance, section = value, ""
		case strings.HasPrefix(line, "    "):
			n, err := strconv.Atoi(value)
			if err != nil || section == "" {
				t.Fatalf("%q in section %q: %v", line, section, err)
			}
			got[instance+"/"+section+"/"+key] = n
		case value == "":
			section = key
		default:
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			section = ""
			got[instance+"//"+key] = n
		}
	}
	for _, name := range []string{"V1", "V/2"} {
		for key, want := range map[string]int{
			"Advertisements/Received": 7, "Advertisements/Sent": 0, "/Became master": 0, "/Released master": 0, "Packet Errors/Length": 0,
			"Packet Errors/TTL": 0, "Packet Errors/Invalid Type": 0, "Packet Errors/Advertisement Interval": 2, "Packet Errors/Address List": 0,
			"Authentication Errors/Invalid Type": 0, "Authentication Errors/Type Mismatch": 0, "Authentication Errors/Failure": 3,
			"Priority Zero/Received": 0, "Priority Zero/Sent": 0,
		} {
			if n, ok := got[name+"/"+key]; !ok || n != want {
				t.Errorf("%s: %s is %d (%v), want %d", name, key, n, ok, want)
			}
		}
	}
}

// TestVyOSAndExportersReadTheJSON: a list of objects with data and stats, of which these fields are used.
func TestVyOSAndExportersReadTheJSON(t *testing.T) {
	var list []struct {
		Data  map[string]any
		Stats map[string]any
	}
	if err := json.Unmarshal(JSON(running()), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v: %d instances", err, len(list))
	}
	for key, want := range map[string]any{
		"iname": "V1", "ifp_ifname": "eth0", "vrid": 51.0, "state": 2.0, "effective_priority": 100.0, "last_transition": 1700000000.123456,
		"wantstate": 2.0, "garp_delay": 5.0,
	} {
		if got := list[0].Data[key]; got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	vips, _ := list[0].Data["vips"].([]any)
	if len(vips) != 2 || len(strings.Split(fmt.Sprint(vips[0]), " ")) < 3 {
		t.Errorf("vips %v", vips)
	}
	for _, key := range []string{
		"advert_rcvd", "advert_sent", "become_master", "release_master", "packet_len_err", "advert_interval_err", "ip_ttl_err", "invalid_type_rcvd",
		"addr_list_err", "invalid_authtype", "authtype_mismatch", "auth_failure", "pri_zero_rcvd", "pri_zero_sent",
	} {
		if _, ok := list[0].Stats[key].(float64); !ok {
			t.Errorf("%s is %v", key, list[0].Stats[key])
		}
	}
}
