package dump

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/vrrp"
	"holdfast.dev/vrrp/wire"
)

// JSON is what keepalived writes on signal 36 (outputs.md section 6), in the version that the configuration asks for. It is nil when
// there are no instances: keepalived writes no file then.
func JSON(s *Snapshot) []byte {
	c := s.Config
	if len(c.Instances) == 0 {
		return nil
	}
	j := &object{}
	two := c.Global.Dirs.JSONVersion == 2
	if two {
		j.b = append(j.b, `{"vrrp":`...)
	}
	j.b = append(j.b, '[')
	for i := range c.Instances {
		in := &c.Instances[i]
		st := s.Of(in)
		if i > 0 {
			j.b = append(j.b, ',')
		}
		j.b = append(j.b, `{"data":`...)
		j.open()
		j.identity(in, &st)
		j.timing(in, &st)
		j.lists(c, in, &st)
		j.results(s, in)
		j.troubles(&st)
		j.close()
		j.b = append(j.b, `,"stats":`...)
		j.open()
		j.stats(&st.Stats)
		j.close()
		j.b = append(j.b, '}')
	}
	j.b = append(j.b, ']')
	if two {
		j.b = append(j.b, `,"track_process":`...)
		j.processes(c)
		j.b = append(j.b, '}')
	}
	return append(j.b, '\n')
}

// object writes keepalived's JSON: compact, in a fixed order, slashes escaped.
type object struct {
	b     []byte
	fresh bool // nothing is in it yet
}

func (j *object) open()  { j.b, j.fresh = append(j.b, '{'), true }
func (j *object) close() { j.b = append(j.b, '}') }

func (j *object) key(name string) {
	if !j.fresh {
		j.b = append(j.b, ',')
	}
	j.fresh = false
	j.b = append(strconv.AppendQuote(j.b, name), ':')
}

func (j *object) num(name string, v uint64) { j.key(name); j.b = strconv.AppendUint(j.b, v, 10) }
func (j *object) flag(name string, v bool)  { j.key(name); j.b = strconv.AppendBool(j.b, v) }
func (j *object) secs(name string, d time.Duration) {
	j.key(name)
	j.b = fmt.Appendf(j.b, "%g", d.Seconds())
}
func (j *object) str(name, v string) { j.key(name); j.quote(v) }

func (j *object) quote(v string) {
	q, err := json.Marshal(strings.ToValidUTF8(v, "?"))
	if err != nil {
		q = []byte(`""`) // a valid string always has a form
	}
	j.b = append(j.b, strings.ReplaceAll(string(q), "/", `\/`)...)
}

func (j *object) strs(name string, list []string) {
	if len(list) == 0 {
		return
	}
	j.key(name)
	for i, v := range list {
		j.b = append(j.b, word(i == 0, "[", ",")...)
		j.quote(v)
	}
	j.b = append(j.b, ']')
}

func bit(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

func (j *object) identity(in *config.Instance, st *vrrp.Status) {
	j.str("iname", in.Name)
	j.num("dont_track_primary", bit(in.DontTrackPrimary))
	j.num("skip_check_adv_addr", bit(in.SkipCheckAddrs))
	j.num("strict_mode", bit(in.Strict))
	vmac := ""
	if in.Virtual != nil {
		vmac = in.Virtual.Name
	}
	j.str("vmac_ifname", vmac)
	if in.Interface != "" {
		j.str("ifp_ifname", in.Interface)
	}
	heard := uint64(0)
	if st.State == vrrp.Backup {
		heard = uint64(st.MasterPriority)
	}
	j.num("master_priority", heard)
	j.key("last_transition")
	j.b = fmt.Appendf(j.b, "%f", float64(st.Since.Wall/1000)/1e6)
}

func (j *object) timing(in *config.Instance, st *vrrp.Status) {
	g := in.Garp
	j.secs("garp_delay", g.Delay)
	j.num("garp_refresh", uint64(seconds(g.Refresh)))
	j.num("garp_rep", uint64(g.Repeat))
	j.num("garp_refresh_rep", uint64(g.RefreshRepeat))
	j.secs("garp_lower_prio_delay", g.LowerPrioDelay)
	j.num("garp_lower_prio_rep", uint64(g.LowerPrioCount))
	j.num("lower_prio_no_advert", bit(in.LowerPrioNoAdvert))
	j.num("higher_prio_send_advert", bit(in.HigherPrioAdvert))
	j.num("vrid", uint64(in.VRID))
	j.num("base_priority", uint64(in.Priority))
	j.num("effective_priority", uint64(st.Priority))
	j.flag("vipset", st.Addresses > 0)
	j.flag("promote_secondaries", in.PromoteSecondaries)
	j.secs("adver_int", in.AdvertInterval)
	master := st.MasterInterval
	if st.State != vrrp.Backup || master == 0 {
		master = in.AdvertInterval
	}
	j.secs("master_adver_int", master)
	j.num("accept", bit(in.Accept))
	j.flag("nopreempt", !in.Preempt)
	j.num("preempt_delay", uint64(seconds(in.PreemptDelay)))
	j.num("state", uint64(st.State))
	j.num("wantstate", uint64(wanted(in, st)))
	j.num("version", uint64(in.Version))
	j.flag("smtp_alert", in.SMTPAlert)
	j.flag("notify_deleted", in.Notify.TellDeleted)
}

func (j *object) lists(c *config.Config, in *config.Instance, st *vrrp.Status) {
	for _, x := range notifies(in.Notify) {
		if x.command != nil {
			j.str(x.key, command(x.command))
		}
	}
	set := Held(in, st)
	all := func(list []config.Address) (out []string) {
		for i := range list {
			out = append(out, address(c, &list[i], set))
		}
		return out
	}
	j.strs("vips", all(in.Addresses))
	j.strs("evips", all(in.Excluded))
	var links, scripts, processes []string
	for _, x := range in.Track.Interfaces {
		links = append(links, x.Name)
	}
	for _, x := range in.Track.Scripts {
		for i := range c.Scripts {
			if c.Scripts[i].Name == x.Name {
				scripts = append(scripts, command(&c.Scripts[i].Command))
			}
		}
	}
	for _, x := range in.Track.Others {
		if x.Kind == config.OfProcess {
			processes = append(processes, x.Name)
		}
	}
	j.strs("track_ifp", links)
	j.strs("track_script", scripts)
	j.strs("track_process", processes)
	j.num("auth_type", uint64(in.Auth.Type))
	if in.Auth.Type != config.AuthNone {
		j.str("auth_data", "********")
	}
}

func (j *object) stats(st *vrrp.Stats) {
	c, d := count(st), &st.Dropped
	for _, x := range []struct {
		name string
		n    uint64
	}{
		{"advert_rcvd", st.Received},
		{"advert_sent", st.Sent},
		{"become_master", st.BecomeMaster},
		{"release_master", st.ReleaseMaster},
		{"packet_len_err", c.length},
		{"advert_interval_err", c.interval},
		{"ip_ttl_err", c.ttl},
		{"invalid_type_rcvd", c.kind},
		{"addr_list_err", c.list},
		{"invalid_authtype", c.authType},
		{"authtype_mismatch", c.authMismatch},
		{"auth_failure", c.authFailed},
		{"auth_ext_missing", d[wire.TrailerMissing]},
		{"auth_ext_malformed", d[wire.TrailerMalformed]},
		{"auth_ext_unknown_key", d[wire.TrailerUnknownKey]},
		{"auth_ext_invalid_hmac", d[wire.TrailerInvalid]},
		{"auth_ext_stale", d[wire.TrailerStale]},
		{"auth_ext_replay", d[wire.TrailerReplayed]},
		{"pri_zero_rcvd", st.ZeroReceived},
		{"pri_zero_sent", st.ZeroSent},
	} {
		j.num(x.name, x.n)
	}
}
