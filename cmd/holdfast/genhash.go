package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast.dev/check/genhash"
	"holdfast.dev/internal/getopt"
)

// hashFlags is the command line of genhash as it was understood.
type hashFlags struct {
	genhash.Options
	verbose, help bool
}

// hashOption is one row of cli.tsv.
type hashOption struct {
	getopt.Option
	param, help string
	set         func(f *hashFlags, value string) error
}

func yes(to func(f *hashFlags) *bool) func(*hashFlags, string) error {
	return func(f *hashFlags, _ string) error { *to(f) = true; return nil }
}

var hashOptions = []hashOption{
	{keyArg('s', "server", getopt.Required), "IP", "address of the server", func(f *hashFlags, v string) (err error) {
		if f.Server, err = netip.ParseAddr(v); err != nil {
			return fmt.Errorf("--server: %q is no IP address", v)
		}
		return nil
	}},
	{keyArg('p', "port", getopt.Required), "PORT", "its port; default 80, or 443 with --use-ssl", func(f *hashFlags, v string) error {
		n, err := strconv.ParseUint(v, 10, 16)
		if f.Port = uint16(n); err != nil || n == 0 {
			return fmt.Errorf("--port: %q is no number from 1 to 65535", v)
		}
		return nil
	}},
	{keyArg('u', "url", getopt.Required), "PATH", "what to fetch", func(f *hashFlags, v string) error { f.Path = v; return nil }},
	{key('S', "use-ssl"), "", "use HTTPS; any certificate will do", yes(func(f *hashFlags) *bool { return &f.TLS })},
	{key('I', "use-sni"), "", "name the virtual host in TLS", yes(func(f *hashFlags) *bool { return &f.SNI })},
	{keyArg('V', "use-virtualhost", getopt.Required), "HOST", "virtual host to ask for", func(f *hashFlags, v string) error { f.Host = v; return nil }},
	{keyArg('m', "fwmark", getopt.Required), "N", "mark of the socket", func(f *hashFlags, v string) error {
		n, err := strconv.ParseUint(v, 0, 32)
		if f.Mark = uint32(n); err != nil {
			return fmt.Errorf("--fwmark: %q is no number of 32 bits", v)
		}
		return nil
	}},
	{keyArg('P', "protocol", getopt.Required), "1.0|1.0C|1.1", "version of HTTP; default 1.0", func(f *hashFlags, v string) (err error) {
		f.Protocol, err = genhash.ParseProtocol(v)
		return err
	}},
	{keyArg('t', "timeout", getopt.Required), "SECONDS", "how long it may take; default 5", func(f *hashFlags, v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if f.Timeout = time.Duration(n * float64(time.Second)); err != nil || n < 0.001 || n > 86400 {
			return fmt.Errorf("--timeout: %q is no number of seconds from 0.001 to 86400", v)
		}
		return nil
	}},
	{key('v', "verbose"), "", "show the answer too, and the digest in words", yes(func(f *hashFlags) *bool { return &f.verbose })},
	{key('h', "help"), "", "print this", yes(func(f *hashFlags) *bool { return &f.help })},
}

// digest is genhash: it prints the digest of a page. The result is the exit status.
func digest(called string, args []string, stdout, stderr io.Writer) int {
	f, err := parseHash(args)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", called, err)
		return 1
	}
	if f.help {
		fmt.Fprint(stderr, hashUsage(called))
		return 0
	}
	var body io.Writer
	var dump io.WriteCloser
	if f.verbose {
		dump = hex.Dumper(stdout)
		body = dump
	}
	page, err := genhash.Fetch(context.Background(), &f.Options, body)
	if dump != nil {
		_ = dump.Close() // to standard output: who reads it may be gone
	}
	if err != nil {
		fmt.Fprintf(stderr, "%v\n", err)
		return 1
	}
	if f.verbose {
		fmt.Fprintf(stdout, "\n%s%d octets of body\nMD5SUM = ", page.Head, page.Length)
	}
	fmt.Fprintln(stdout, page)
	return 0
}

// genhashCommand is the same as a command.
func genhashCommand() *cobra.Command {
	c := &cobra.Command{
		Use:                "genhash -s IP -u PATH [OPTION...]",
		Short:              "print the digest of a page, as a health check compares it",
		Long:               "Fetches a page as a health check does and prints the MD5 digest of all that comes behind the header. Its options are those of keepalived's genhash; genhash -h lists them.",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if code := digest("holdfast genhash", args, c.OutOrStdout(), c.ErrOrStderr()); code != 0 {
				os.Exit(code)
			}
			return nil
		},
	}
	return c
}

func parseHash(args []string) (*hashFlags, error) {
	list := make([]getopt.Option, len(hashOptions))
	for i := range hashOptions {
		list[i] = hashOptions[i].Option
	}
	found, other, mistakes := getopt.Parse(args, list)
	f := &hashFlags{}
	for _, o := range found {
		if err := hashOptions[o.Index].set(f, o.Value); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	switch {
	case len(mistakes) > 0:
		return nil, mistakes[0]
	case len(other) > 0:
		return nil, fmt.Errorf("unexpected argument(s): %s", strings.Join(other, " "))
	}
	return f, nil
}

func hashUsage(called string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s -s IP -u PATH [OPTION...]\n", called)
	for i := range hashOptions {
		o := &hashOptions[i]
		long := "--" + o.Long
		if o.param != "" {
			long += "=" + o.param
		}
		fmt.Fprintf(&b, "  -%c, %-26s%s\n", o.Short, long, o.help)
	}
	return b.String()
}
