// Command in runs a program in a guest, for a shell or for go test:
//
//	go run holdfast.dev/interop/guest/in -virtual -modules veth,bridge PROGRAM ARGUMENT…
//	CGO_ENABLED=0 go test -exec 'go run holdfast.dev/interop/guest/in -modules ip_vs' ./ipvs/genl
//
// Files of the program's folder are not there, only what -file names. Its exit status is that of the program; 125 if there
// is none.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast.dev/interop/guest"
)

func main() {
	var (
		j       = guest.Job{Output: os.Stdout, Files: map[string]string{}}
		modules = flag.String("modules", "", "kernel modules to load, with commas in between")
		console = flag.Bool("console", false, "show all that the guest writes, with the kernel's messages")
	)
	flag.BoolVar(&j.VirtualTime, "virtual", false, "count time in instructions")
	flag.IntVar(&j.Shift, "shift", 0, "with -virtual: an instruction takes 2^`n` ns")
	flag.IntVar(&j.Memory, "memory", 0, "in `MiB`; 0 is enough for most")
	flag.Func("file", "a regular file of the host, which has the same `path` in the guest; may be given again", func(path string) error {
		j.Files[path] = path
		return nil
	})
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: in [flags] PROGRAM [ARGUMENT…]")
		flag.PrintDefaults()
		os.Exit(125)
	}
	j.Binary, j.Args = flag.Arg(0), flag.Args()[1:]
	if *modules != "" {
		j.Modules = strings.Split(*modules, ",")
	}
	if *console {
		j.Output, j.Console = nil, os.Stdout
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	r, err := guest.Start(ctx, j)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(125)
	}
	os.Exit(r.Status)
}
