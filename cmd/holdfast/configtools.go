package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast.dev/config"
	"holdfast.dev/config/diag"
	"holdfast.dev/config/files"
	"holdfast.dev/supervisor/machine"
)

// configCommands are the tools that work on configuration files.
func configCommands() []*cobra.Command {
	return []*cobra.Command{checkCommand(), fmtCommand(), explainCommand(), diffCommand(), lintCommand()}
}

const defaultFile = "/etc/keepalived/keepalived.conf"

// toolOptions are the options that say how a tool reads files.
type toolOptions struct {
	id     string
	blind  bool
	strict bool
}

func (o *toolOptions) add(c *cobra.Command) {
	c.Flags().StringVarP(&o.id, "config-id", "i", "", "configuration `ID` that selects \"@ID\" lines; default the host name")
	c.Flags().BoolVar(&o.blind, "any-host", o.blind, "the file is for another machine: say nothing of interfaces, accounts and programs that are not here")
}

// load reads a file as a configuration test does.
func (o *toolOptions) load(path string) config.Result {
	lessGarbage()
	env := machine.Env()
	env.Expand.ConfigID, env.Test, env.Strict, env.Host = o.id, true, o.strict, machine.Host
	if o.blind {
		env.Host = nil
		env.Interface, env.User, env.Group, env.Program = nil, nil, nil, nil
	}
	return config.Load(files.OS{}, path, env)
}

// model is the configuration of a file that must have one.
func (o *toolOptions) model(path string) (config.Result, error) {
	r := o.load(path)
	if r.Config != nil {
		return r, nil
	}
	for _, d := range r.Diags.Sorted() {
		if d.Severity == diag.Fatal {
			return r, fmt.Errorf("%s can't be used: %s: %s (holdfast check %s shows all)", path, d.Pos, d.Text, path)
		}
	}
	return r, fmt.Errorf("%s can't be used (holdfast check %s says why)", path, path)
}

// errFound ends a command with status 1 when everything has been said.
var errFound = errors.New("")
