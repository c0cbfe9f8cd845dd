package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast.dev/api"
	"holdfast.dev/status/view"
	"holdfast.dev/supervisor"
)

// askOptions say which daemon is asked, and how the answer is shown.
type askOptions struct {
	socket, pid, file, id, namespace string
	format                           string
}

func (o *askOptions) add(c *cobra.Command) {
	c.Flags().StringVar(&o.socket, "socket", "", "the `SOCKET` of the daemon; default is that of the daemon which the other options mean")
	c.Flags().StringVarP(&o.pid, "pid", "p", "", "pid `FILE` that the daemon was given")
	c.Flags().StringVar(&o.file, "use-file", defaultFile, "configuration `FILE` of the daemon: it may say where the pid file is")
	c.Flags().StringVarP(&o.id, "config-id", "i", "", "configuration `ID` that the daemon was given")
	c.Flags().StringVarP(&o.namespace, "namespace", "s", "", "network `NAMESPACE` that the daemon was given")
	c.Flags().StringVar(&o.format, "format", "text", "`text` or json")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// client finds the daemon.
func (o *askOptions) client() (*api.Client, error) {
	if o.format != "text" && o.format != "json" {
		return nil, fmt.Errorf("--format is %q, neither text nor json", o.format)
	}
	if o.socket == "" {
		o.socket = o.find()
	}
	return api.NewClient(o.socket), nil
}

// find works out where the daemon's socket is, as the daemon does.
func (o *askOptions) find() string {
	if o.pid != "" {
		return supervisor.Socket(o.pid)
	}
	f := &flags{id: o.id}
	f.opt.ConfigFile, f.opt.Namespace = o.file, o.namespace
	return supervisor.SocketOf(f.opt, hooks(f))
}

func statusCommand() *cobra.Command {
	var o askOptions
	c := &cobra.Command{
		Use:   "status [INSTANCE...]",
		Short: "show what a running daemon does, and what is wrong",
		Long: "Shows the state of all virtual routers of a running daemon, and everything that is known of those named\n" +
			"(or of all, if there are few). Ends with 1 if no daemon answers.",
		RunE: func(c *cobra.Command, names []string) error {
			client, err := o.client()
			if err != nil {
				return err
			}
			return showStatus(c.OutOrStdout(), client, o.format, names)
		},
	}
	o.add(c)
	return c
}

func showStatus(w io.Writer, client *api.Client, format string, names []string) error {
	s, err := client.Status()
	if err != nil {
		return err
	}
	if s, err = only(s, names); err != nil {
		return err
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return s.Write(w, names...)
}

// only leaves out all instances but those named.
func only(s *view.Status, names []string) (*view.Status, error) {
	if len(names) == 0 {
		return s, nil
	}
	var kept []view.Instance
	for _, name := range names {
		found := false
		for i := range s.Instances {
			if s.Instances[i].Name == name {
				kept, found = append(kept, s.Instances[i]), true
			}
		}
		if !found {
			return nil, fmt.Errorf("the daemon has no virtual router %s", name)
		}
	}
	out := *s
	out.Instances = kept
	return &out, nil
}

func eventsCommand() *cobra.Command {
	var o askOptions
	var follow bool
	var limit int
	c := &cobra.Command{
		Use:   "events [NAME]",
		Short: "show the latest events of a running daemon, and where the time went",
		Long: "Shows the latest transitions of a running daemon with the times of their steps, counted from the packet or the\n" +
			"deadline that was their cause: of all virtual routers and sync groups, or of the one named.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := o.client()
			if err != nil {
				return err
			}
			if limit < 0 || limit > api.MaxEvents {
				return fmt.Errorf("--limit is %d, not 0 to %d", limit, api.MaxEvents)
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			if follow {
				ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
				defer stop()
				return followEvents(ctx, c.OutOrStdout(), client, o.format, limit, name)
			}
			return showEvents(c.OutOrStdout(), client, o.format, limit, name)
		},
	}
	o.add(c)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many of the past")
	return c
}

func showEvents(w io.Writer, client *api.Client, format string, limit int, name string) error {
	events, err := client.Events(limit, name)
	if err != nil {
		return err
	}
	for i := range events {
		if err := showEvent(w, format, &events[i], false); err != nil {
			return err
		}
	}
	return nil
}

// showEvent writes one event; again is set when its first line is known already.
func showEvent(w io.Writer, format string, e *view.Event, again bool) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(e)
	}
	text := ""
	if !again {
		text = e.Line() + "\n"
	}
	for _, l := range e.Details() {
		text += "    " + l + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// followEvents shows events as they come: in text the line at once, and where the time went when nothing more will be known.
func followEvents(ctx context.Context, w io.Writer, client *api.Client, format string, limit int, name string) error {
	var open string // the event whose line was written last
	err := client.Follow(ctx, limit, name, func(line []byte) error {
		if format == "json" {
			_, err := w.Write(append(line, '\n'))
			return err
		}
		var e view.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("the daemon said what is no event: %w", err)
		}
		if !e.Done {
			if open == e.ID {
				return nil
			}
			open = e.ID
			_, err := fmt.Fprintln(w, e.Line())
			return err
		}
		again := open == e.ID
		open = ""
		return showEvent(w, format, &e, again)
	})
	if err == nil && ctx.Err() == nil {
		return errors.New("the daemon has ended")
	}
	return err
}
