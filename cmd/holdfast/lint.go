package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/lint"
)

// lintCommand holds the files of two nodes against each other.
func lintCommand() *cobra.Command {
	o := &toolOptions{blind: true}
	c := &cobra.Command{
		Use:   "lint FILE-OF-A FILE-OF-B",
		Short: "hold the configurations of two nodes against each other",
		Long: "Lint compares what two nodes must agree on: VRID, addresses and their order, version, interval, authentication, unicast peers, priorities, preemption. Copy\n" +
			"the other node's file here first. Findings about one file alone are those of \"holdfast check\". The exit status is 1 when the nodes don't work together.",
		Args: cobra.ExactArgs(2), SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := lintFiles(cmd.OutOrStdout(), o, args[0], args[1])
			if err != nil && !errors.Is(err, errFound) {
				fmt.Fprintln(cmd.ErrOrStderr(), "holdfast:", err)
			}
			return err
		},
	}
	o.add(c)
	return c
}

func lintFiles(out io.Writer, o *toolOptions, a, b string) error {
	ra, err := o.model(a)
	if err != nil {
		return err
	}
	rb, err := o.model(b)
	if err != nil {
		return err
	}
	bad := false
	for _, f := range lint.Lint(lint.Node{Name: a, Config: ra.Config}, lint.Node{Name: b, Config: rb.Config}) {
		fmt.Fprintf(out, "%s: %s\n", f.Severity, f.Text)
		if f.A.Line > 0 {
			fmt.Fprintf(out, "  at %s\n", f.A)
		}
		if f.B.Line > 0 {
			fmt.Fprintf(out, "  at %s\n", f.B)
		}
		if f.Hint != "" {
			fmt.Fprintf(out, "  hint: %s\n", f.Hint)
		}
		bad = bad || f.Severity >= diag.Error
	}
	if bad {
		return errFound
	}
	return nil
}
