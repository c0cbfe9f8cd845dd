package main

import (
	stdflag "flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast.dev/internal/getopt"
	"holdfast.dev/supervisor"
)

var updateManual = stdflag.Bool("update", false, "write docs/man/holdfast.8")

const manualPage = "../../docs/man/holdfast.8"

// TestManual compares the manual page with what the tables of options and commands make of it now.
func TestManual(t *testing.T) {
	page := manual()
	if *updateManual {
		if err := os.WriteFile(manualPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(manualPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(there) != page {
		t.Error("docs/man/holdfast.8 is not current: go test ./cmd/holdfast -run TestManual -update")
	}
}

// TestManualIsWhole looks for every option, command and flag in the page that is there, whatever it was made from.
func TestManualIsWhole(t *testing.T) {
	text, err := os.ReadFile(manualPage)
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\-`, "-", `\fB`, "", `\fR`, "", `\fI`, "", ".B ", "").Replace(string(text))
	var want []string
	for i := range options {
		want = append(want, "--"+options[i].Long)
	}
	for _, c := range subcommands() {
		want = append(want, "holdfast "+c.Use)
		c.Flags().VisitAll(func(f *pflag.Flag) { want = append(want, "--"+f.Name) })
	}
	for _, w := range append(want, "SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU", "holdfast completion") {
		if !strings.Contains(plain, w) {
			t.Errorf("nothing about %s", w)
		}
	}
	if man, err := exec.LookPath("man"); err == nil {
		cmd := exec.Command(man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", manualPage)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "warning:") {
			t.Errorf("man does not like it: %v %.300s", err, out)
		}
	}
}

// manual is the manual page of the program.
func manual() string {
	var b strings.Builder
	b.WriteString(".\\\" Made from the tables of options and commands by go test ./cmd/holdfast \\-run TestManual \\-update; change it there.\n")
	b.WriteString(".TH HOLDFAST 8\n.SH NAME\nholdfast \\- keeps a service address alive (VRRP), in the place of keepalived\n")
	b.WriteString(".SH SYNOPSIS\n.B holdfast\n[\\fIOPTION\\fR]...\n.br\n.B holdfast\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n")
	b.WriteString(".SH DESCRIPTION\n" + roff(`Without a command holdfast is a daemon that reads the configuration of keepalived as it is and takes part in the elections that it describes. Called by the name keepalived it takes the same options and prints findings in keepalived's words. With a command it answers a question: status and events ask a running daemon, which goes on undisturbed.`) + "\n")
	b.WriteString(".SH OPTIONS\n")
	for i := range options {
		if options[i].set != nil {
			manualOption(&b, &options[i])
		}
	}
	b.WriteString(".SH COMMANDS\n")
	for _, c := range subcommands() {
		manualCommand(&b, c)
	}
	fmt.Fprintf(&b, ".SS %s\nPrints a script for the shell that completes commands, options, files and the keywords of \\fBexplain\\fR.\n", roff("holdfast completion bash|zsh|fish|powershell"))
	b.WriteString(".SS holdfast help [COMMAND]\nPrints what a command takes.\n")
	b.WriteString(manualSignals() + manualRest())
	b.WriteString(".SH OPTIONS THAT ARE REFUSED\nThese are options of keepalived whose effect is not built yet: a start with one of them fails and names it.\n")
	for i := range options {
		if options[i].set == nil && !refused(&options[i]) {
			manualOption(&b, &options[i])
		}
	}
	b.WriteString(".SH OPTIONS THAT DO NOT EXIST\nThese are options of keepalived, most of them of special builds, that are refused for good.\n")
	for _, o := range refusedOptions() {
		manualOption(&b, &o)
	}
	b.WriteString(".SH SEE ALSO\n.BR holdfast.conf (5)\n")
	return b.String()
}

func manualOption(b *strings.Builder, o *option) {
	long := roff("--"+o.Long) + "\\fR"
	switch o.Arg {
	case getopt.Required:
		long += "=\\fI" + roff(o.param) + "\\fR"
	case getopt.Optional:
		if o.param != "" {
			long += "[=\\fI" + roff(o.param) + "\\fR]"
		}
	}
	short := ""
	if o.Short != 0 {
		short = roff("-"+string(rune(o.Short))) + "\\fR, \\fB"
	}
	fmt.Fprintf(b, ".TP\n\\fB%s%s\n%s\n", short, long, roff(sentence(o.help)))
}

func manualCommand(b *strings.Builder, c *cobra.Command) {
	text := c.Long
	if text == "" {
		text = sentence(c.Short)
	}
	fmt.Fprintf(b, ".SS %s\n%s\n", roff("holdfast "+c.Use), roff(text))
	c.Flags().VisitAll(func(f *pflag.Flag) {
		kind, usage := pflag.UnquoteUsage(f)
		name := roff("--"+f.Name) + "\\fR"
		if f.Shorthand != "" {
			name = roff("-"+f.Shorthand) + "\\fR, \\fB" + name
		}
		if kind != "" {
			name += " \\fI" + roff(kind) + "\\fR"
		}
		fmt.Fprintf(b, ".TP\n\\fB%s\n%s\n", name, roff(sentence(usage)))
	})
}

// manualSignals is what signals to the daemon, or to one of its processes, ask for.
func manualSignals() string {
	var b strings.Builder
	b.WriteString(".SH SIGNALS\nA signal to one of the processes acts as one to the daemon.\n")
	for _, s := range []struct{ name, purpose, what string }{
		{"SIGTERM, SIGINT", "STOP", "Stop: addresses are handed over to another router before they are taken off."},
		{"SIGHUP", "RELOAD", "Read the configuration anew. Only what differs is touched; a file that can't be used changes nothing."},
		{"SIGUSR1", "DATA", "Write what is known of all instances to keepalived.data."},
		{"SIGUSR2", "STATS", "Write the counters to keepalived.stats."},
		{"", "STATS_CLEAR", "The same, then clear them."},
		{"", "JSON", "Write both as JSON to keepalived.json."},
		{"", "TDUMP", "Log what each process of the daemon does at the moment."},
		{"", "TRACE", "Begin to record all that the elections are told, or end it."},
	} {
		n, err := supervisor.SignalNumber(s.purpose)
		if err != nil {
			panic(err)
		}
		name := s.name
		if name == "" {
			name = fmt.Sprint("signal ", n)
		}
		fmt.Fprintf(&b, ".TP\n.B %s\n%s (\\fBholdfast \\-\\-signum=%s\\fR prints %d.)\n", name, roff(s.what), s.purpose, n)
	}
	b.WriteString(".TP\n.B SIGXCPU\nComes from the kernel: a real\\-time process has used up what vrrp_rlimit_rttime allows it without a rest. It is logged; a second later the kernel kills the process, and another one takes its place.\n")
	return b.String()
}

func manualRest() string {
	return `.SH FILES
.TP
.I ` + roff(defaultConfig) + `
The configuration.
.TP
.I /run/keepalived.pid
The daemon's pid file, and beside it those of its processes.
.SH EXIT STATUS
Of the daemon: 0 after a stop, 1 for a bad command line, 2 for a configuration that can't be used, 6 for one that is not there.
.br
Of \fB\-t\fR: 0 for a configuration without errors, 2 where an argument is missing, 4 where a file or an interface is, 5 for other errors, and 6
for scripts without enable_script_security or files that could not be included. These are keepalived's.
.br
Of the commands: 0, or 1 when something is wrong; each says above what that means.
`
}

func sentence(s string) string {
	s = strings.TrimSuffix(s, ".")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// roff escapes what the formatter would obey.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
