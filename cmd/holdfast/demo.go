package main

import (
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"holdfast.dev/demo"
	"holdfast.dev/internal/netns"
)

// demoCommand shows a live failover in namespaces of its own. An ordinary user gets a user namespace for it.
func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "show a live failover, in network namespaces of its own",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
			defer stop()
			if err := netns.Able(); err != nil && !netns.Inside() {
				code, again := netns.Again()
				if again != nil {
					return fmt.Errorf("network namespaces: %w; %w", err, again)
				}
				os.Exit(code)
			}
			return demo.Run(ctx, cmd.OutOrStdout())
		},
	}
}
