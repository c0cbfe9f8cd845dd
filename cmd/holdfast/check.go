package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/diag/report"
)

// checkCommand tells people, editors and CI systems what is wrong with a file.
func checkCommand() *cobra.Command {
	o := new(toolOptions)
	format := "text"
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "say all that is wrong with a configuration",
		Long: "Check reads a configuration and everything that it includes, and says all that is wrong with it: what keepalived refuses (fatal), what it passes over\n" +
			"(error), what is probably not meant (warning). The exit status is 0 for a file without errors, else 1. \"holdfast -t\" is the same for scripts that were\n" +
			"written for keepalived.",
		Args: cobra.MaximumNArgs(1), SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := defaultFile
			if len(args) > 0 {
				path = args[0]
			}
			r := o.load(path)
			if err := printFindings(cmd.OutOrStdout(), r, path, format); err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "holdfast:", err)
				return err
			}
			bad := r.Diags.Count(diag.Fatal) + r.Diags.Count(diag.Error)
			if o.strict {
				bad += r.Diags.Count(diag.Warning)
			}
			if bad > 0 {
				return errFound
			}
			return nil
		},
	}
	o.add(c)
	c.Flags().StringVar(&format, "format", format, "`FORM` of the findings: text, json or sarif")
	c.Flags().BoolVar(&o.strict, "strict", false, "warnings are errors")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// printFindings writes what there is to say in one of the formats.
func printFindings(out io.Writer, r config.Result, path, format string) error {
	switch format {
	case "json":
		_, err := out.Write(report.JSON(r.Diags))
		return err
	case "sarif":
		_, err := out.Write(report.SARIF(r.Diags, version()))
		return err
	case "text":
		show(out, r.Diags, false)
		_, err := fmt.Fprintln(out, verdict(r, path))
		return err
	}
	return fmt.Errorf("--format is text, json or sarif, not %q", format)
}

// verdict is one line about the whole file.
func verdict(r config.Result, path string) string {
	count := func(s diag.Severity, name string) string {
		n := r.Diags.Count(s)
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	if r.Diags.Fatal() {
		return path + ": can't be used: " + count(diag.Fatal, "fatal finding") + ", " + count(diag.Error, "error") + ", " + count(diag.Warning, "warning")
	}
	s := path + ": " + count(diag.Error, "error") + ", " + count(diag.Warning, "warning")
	if r.Config != nil && len(r.Config.Uses) > 0 {
		u, what := r.Config.Uses[0], "a keyword that is not built yet,"
		if n := len(r.Config.Uses); n > 1 {
			what = fmt.Sprintf("%d uses of keywords that are not built yet, the first is", n)
		}
		s += fmt.Sprintf("; a start is refused for %s %s at %s", what, u.Keyword, u.Pos)
	}
	return s
}
