package supervisor

import (
	"os"
	"path/filepath"
	"strings"

	"holdfast.dev/config"
	"holdfast.dev/supervisor/role"
)

// maxComm is the longest name that the kernel keeps for a thread.
const maxComm = 15

// idents of the roles in the log, before namespace and instance are added.
var idents = map[role.Name]string{
	role.Supervisor: "Keepalived", role.VRRP: "Keepalived_vrrp", role.Runner: "Keepalived_runner",
	role.Aux: "Keepalived_aux", role.Carrier: "Keepalived_carrier",
}

// titles of the roles in messages; keepalived's for those that it has.
var titles = map[role.Name]string{role.VRRP: "VRRP", role.Runner: "Runner", role.Aux: "Aux", role.Carrier: "Carrier"}

// ident is the name of a role in the log.
func (o *Options) ident(r role.Name, p *config.Process) string {
	s := idents[r]
	for _, part := range []string{o.namespace(p), p.Instance} {
		if part != "" {
			s += "_" + part
		}
	}
	return s
}

func (o *Options) namespace(p *config.Process) string {
	if o.Namespace != "" {
		return o.Namespace
	}
	return p.Namespace
}

// comm is the visible name of a role's process: the configured one, else for vrrp and the supervisor that of the program
// when it is called as keepalived, so that killall -HUP keepalived reaches those that it reaches there.
func (o *Options) comm(r role.Name, c *config.Config) string {
	var s string
	names := &c.Global.ProcessNames
	switch {
	case r == role.Supervisor:
		s = or(names.Parent, o.Called)
	case r == role.VRRP && names.VRRP != "":
		s = names.VRRP
	case r == role.VRRP && o.Called == "keepalived":
		s = o.Called
	case r == role.Runner && o.Called == "keepalived":
		s = "keepalived-run"
	case r == role.Aux && o.Called == "keepalived":
		s = "keepalived-aux"
	case r == role.Carrier:
		s = o.Called + "-carry" // the whole word would not fit
	default:
		s = o.Called + "-" + string(r)
	}
	return s[:min(len(s), maxComm)]
}

// args is the command line that a role shows: that of the program. The runner and aux, which keepalived does not have, stay out
// of what pidof keepalived finds.
func (o *Options) args(r role.Name, comm string) []string {
	if r == role.Runner || r == role.Aux || r == role.Carrier || len(o.Args) == 0 {
		return []string{comm}
	}
	return o.Args
}

// paths are the files of one daemon in the run directory.
type paths struct {
	pid, vrrp string // pid files
	state     string // what may be in the kernel because of us
	igmp      string // what a setting was before disable_local_igmp
	reload    string // the default of reload_file
	dir       string // to be made; empty for none
}

// paths names the files (cli.tsv, pidfile rows).
func (o *Options) paths(p *config.Process) paths {
	run := or(o.RunDir, "/run")
	var out paths
	dir, suffix := run, ""
	if ns := o.namespace(p); ns != "" || p.Instance != "" || p.UsePidDir {
		dir = filepath.Join(run, "keepalived", ns)
		out.dir = dir
		if p.Instance != "" {
			suffix = "_" + p.Instance
		}
	}
	out.reload = filepath.Join(dir, "keepalived"+suffix+".reload")
	out.pid = or(o.PIDFile, filepath.Join(dir, "keepalived"+suffix+".pid"))
	out.vrrp = or(o.VRRPPID, filepath.Join(dir, "vrrp"+suffix+".pid"))
	out.state = StateFile(out.pid)
	out.igmp = strings.TrimSuffix(out.state, ".state") + ".igmp"
	return out
}

// makeDir makes the directory of the files where it is not one that is always there.
func (p *paths) makeDir() {
	if p.dir == "" {
		return
	}
	for _, d := range []string{filepath.Dir(p.dir), p.dir} {
		if os.Mkdir(d, 0o755) == nil {
			_ = os.Chmod(d, 0o755) // whatever the umask
		}
	}
}

// StateFile is the name of the file that tells what a daemon may have put into the kernel: one per pid file.
func StateFile(pidFile string) string {
	if ext := filepath.Ext(pidFile); ext == ".pid" {
		pidFile = pidFile[:len(pidFile)-len(ext)]
	}
	return pidFile + ".state"
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
