package getopt

import (
	"fmt"
	"strings"
	"testing"
)

var options = []Option{
	{'f', "use-file", Required},
	{'n', "dont-fork", None},
	{'R', "dont-respawn", None},
	{'l', "log-console", None},
	{'D', "log-detail", None},
	{'g', "log-file", Optional},
	{'t', "config-test", Optional},
	{'P', "vrrp", None},
	{'r', "vrrp_pid", Required},
	{'B', "no_bfd", None},
	{0, "all", None},
	{'e', "all-config", None},
	{0, "signum", Required},
}

func describe(found []Found, other []string, mistakes []error) string {
	var b strings.Builder
	for _, f := range found {
		o := options[f.Index]
		fmt.Fprintf(&b, "%s", o.Long)
		if f.Given {
			fmt.Fprintf(&b, "=%q", f.Value)
		}
		b.WriteByte(' ')
	}
	if len(other) > 0 {
		fmt.Fprintf(&b, "| %q ", other)
	}
	for _, m := range mistakes {
		fmt.Fprintf(&b, "! %s ", m)
	}
	return strings.TrimSpace(b.String())
}

// The expectations were taken from the behaviour of keepalived 2.2.7 (glibc).
func TestParse(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"-n -l -D", "dont-fork log-console log-detail"},
		{"-nlDD", "dont-fork log-console log-detail log-detail"},
		{"-f /x", `use-file="/x"`},
		{"-f/x", `use-file="/x"`},
		{"-nf/x", `dont-fork use-file="/x"`},
		{"-nf -t", `dont-fork use-file="-t"`},
		{"--use-file /x", `use-file="/x"`},
		{"--use-file=/x", `use-file="/x"`},
		{"--use-file=a=b", `use-file="a=b"`},
		{"--use-fi /x", `use-file="/x"`},
		{"--u=/x", `use-file="/x"`},
		{"--use-file -n", `use-file="-n"`},
		{"--no_bfd", "no_bfd"},
		{"-g/var/log/x -n", `log-file="/var/log/x" dont-fork`},
		{"-g /var/log/x", `log-file | ["/var/log/x"]`},
		{"-g", "log-file"},
		{"-gn", `log-file="n"`},
		{"--log-file=/x", `log-file="/x"`},
		{"--log-file /x", `log-file | ["/x"]`},
		{"--log-file=", `log-file=""`},
		{"-t/x", `config-test="/x"`},
		{"-nt", "dont-fork config-test"},
		{"extra -n words", `dont-fork | ["extra" "words"]`},
		{"-n -- -l", `dont-fork | ["-l"]`},
		{"- -n", `dont-fork | ["-"]`},
		{"--all", "all"},
		{"--all-", "all-config"},
		{"--al", "! Unknown option --al: it could be --all, --all-config"},
		{"--vrrp", "vrrp"},
		{"--vrrp_", "! Missing parameter for option --vrrp_pid"},
		{"--vr", "! Unknown option --vr: it could be --vrrp, --vrrp_pid"},
		{"--dont-f", "dont-fork"},
		{"--dont", "! Unknown option --dont: it could be --dont-fork, --dont-respawn"},
		{"--vrrp=1", "! Unknown option --vrrp=1"},
		{"--bogus", "! Unknown option --bogus"},
		{"--=x", "! Unknown option --=x"},
		{"-Z", "! Unknown option -Z"},
		{"-ZYt -f k --bogus --nope=3", `config-test use-file="k" ! Unknown option -Z ! Unknown option -Y ! Unknown option --bogus ! Unknown option --nope=3`},
		{"-f", "! Missing parameter for option -f"},
		{"--use-file", "! Missing parameter for option --use-file"},
		{"--use-file= -n", "dont-fork ! Missing parameter for option --use-file"},
		{"-\x01", `! Unknown option -\x01`},
		{"-\x00", `! Unknown option -\x00`},
	} {
		var args []string
		if c.line != "" {
			args = strings.Split(c.line, " ")
		}
		if got := describe(Parse(args, options)); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.line, got, c.want)
		}
	}
	if got := describe(Parse([]string{"-f", "", "-n"}, options)); got != `use-file="" dont-fork` {
		t.Error(got)
	}
	if got := describe(Parse([]string{"--use-file", ""}, options)); got != "! Missing parameter for option --use-file" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-nf\x00--use-fi=\x00x")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		found, other, mistakes := Parse(args, options)
		if len(found)+len(other)+len(mistakes) > len(line)+len(args) {
			t.Fatal("more out than in")
		}
		for _, f := range found {
			if options[f.Index].Arg == None && f.Given {
				t.Fatal("an argument for an option that takes none")
			}
		}
	})
}
