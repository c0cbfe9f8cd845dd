package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"holdfast.dev/config/changes"
)

// diffCommand says what a reload would do.
func diffCommand() *cobra.Command {
	o := new(toolOptions)
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "say what a reload from one configuration to another would do",
		Long: "Diff lists what a reload would do: + something begins, - something ends, ~ something changes in place, ! a reload refuses it. What is not listed is not\n" +
			"touched. Nothing is printed for two files that mean the same.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			was, err := o.model(args[0])
			if err != nil {
				return err
			}
			now, err := o.model(args[1])
			if err != nil {
				return err
			}
			for _, ch := range changes.Between(was.Config, now.Config) {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", ch.Kind, ch.What, ch.Text)
			}
			return nil
		},
	}
	o.add(c)
	return c
}
