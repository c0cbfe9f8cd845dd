package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test program is holdfast and keepalived, by the name that it is called by, and so are the processes that it starts.
func TestMain(m *testing.M) {
	if os.Args[0] == launcherName || os.Getenv("HOLDFAST_ROLE") != "" {
		os.Exit(run())
	}
	testscript.Main(m, map[string]func(){
		"holdfast":   func() { os.Exit(run()) },
		"keepalived": func() { os.Exit(run()) },
		"genhash":    func() { os.Exit(run()) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}

// Every option of keepalived 2.4.3 is known, in the same form, so that it is done or refused by name.
func TestAllOptionsAreKnown(t *testing.T) {
	const all = `f:use-file P:vrrp C:check B:no_bfd all l:log-console D:log-detail S:log-facility g:log-file flush-log-file
		G:no-syslog u:umask X:release-vips V:dont-release-vrrp I:dont-release-ipvs R:dont-respawn n:dont-fork d:dump-conf p:pid
		r:vrrp_pid c:checkers_pid b:bfd_pid a:address-monitoring T:genhash x:snmp A:snmp-agent-socket s:namespace m:core-dump
		M:core-dump-pattern e:all-config i:config-id signum t:config-test config-fd ignore-sigint perf debug no-mem-check
		L:mem-check-log O:openssl-mem-check v:version h:help`
	var known []string
	for _, o := range options {
		name := o.Long
		if o.Short != 0 {
			name = string(rune(o.Short)) + ":" + name
		}
		if slices.Contains(known, name) {
			t.Error(name, "twice")
		}
		known = append(known, name)
		if o.help == "" {
			t.Error(name, "is not explained")
		}
	}
	for _, name := range strings.Fields(all) {
		if !slices.Contains(known, name) {
			t.Error(name, "is not known")
		}
	}
}

func TestParse(t *testing.T) {
	t.Setenv("TMPDIR", "/var/tmp")
	var out, errs strings.Builder
	f, err := parse("keepalived", strings.Fields("keepalived -nlDDGg -u 022 -S local3 -M -i one -s blue --dont-resp --strict"), &out, &errs)
	if err != nil || errs.Len() > 0 {
		t.Fatal(err, errs.String())
	}
	o := &f.opt
	if !o.Foreground || !o.Console || o.Detail != 2 || !o.NoSyslog || o.LogFile != "/var/tmp/keepalived.log" || o.Umask != 0o22 ||
		o.Facility != 19 || !o.Core || o.CorePath != "core" || f.id != "one" || o.Namespace != "blue" || !o.NoRespawn || !f.strict || !o.Reap {
		t.Errorf("%+v", f)
	}
	if f, _ := parse("keepalived", strings.Fields("keepalived -f x -p y"), &out, &errs); !filepath.IsAbs(f.opt.ConfigFile) || !filepath.IsAbs(f.opt.PIDFile) {
		t.Errorf("a daemon, which lives in /, has relative paths: %+v", f.opt)
	}
	for _, bad := range []string{"999", "01000", "-1", "x", "0b11", "1_0", ""} {
		f, err := parse("keepalived", []string{"keepalived", "-n", "-u", bad}, &out, &errs)
		if err != nil || f.opt.Umask != -1 || !strings.Contains(errs.String(), fmt.Sprintf("Invalid --umask option %s\n", bad)) {
			t.Errorf("umask %q: %+v, %v, %s", bad, f, err, errs.String())
		}
	}
	for _, o := range options {
		if o.set != nil {
			continue
		}
		errs.Reset()
		word := "--" + o.Long
		if _, err := parse("keepalived", []string{"keepalived", "-n", word, "x"}, &out, &errs); err == nil || !strings.Contains(errs.String(), word) {
			t.Errorf("%s was not refused by name: %v, %s", word, err, errs.String())
		}
	}
}
