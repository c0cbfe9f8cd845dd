package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"holdfast.dev/config/explain"
)

// explainCommand says what a keyword is, or what a file will do.
func explainCommand() *cobra.Command {
	o := new(toolOptions)
	c := &cobra.Command{
		Use:   "explain KEYWORD|FILE",
		Short: "say what a keyword means, or what a configuration will do",
		Long: "Explain says what a keyword, block or option is (\"priority\", \"vrrp_instance/priority\", \"vrrp_instance\"): what it takes, its default, where it stands, an\n" +
			"example. Given a file it says what will happen: who wins each election and why, how long a failover takes, what each tracker can change.",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return explain.Words(begun), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text, ok := explain.Keyword(args[0])
			if ok {
				fmt.Fprint(cmd.OutOrStdout(), text)
				return nil
			}
			if _, err := os.Stat(args[0]); err != nil {
				if strings.ContainsAny(args[0], "/.") {
					return err
				}
				return errors.New(strings.TrimSpace(text) + "; and there is no file of that name")
			}
			r, err := o.model(args[0])
			if err != nil {
				return err
			}
			found := explain.Findings(r.Diags)
			if found != "" {
				found += "\n"
			}
			fmt.Fprint(cmd.OutOrStdout(), found+explain.File(r.Config))
			return nil
		},
	}
	o.add(c)
	return c
}
