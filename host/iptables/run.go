package iptables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	maxOutput = 64 << 20 // of one program: some hundred thousand rules
	maxSaid   = 400      // of what it complains about
	// lockWait is how long a program waits for others that change the same tables, in seconds.
	lockWait = "5"
	// killWait is how long the end of a program that was killed is waited for.
	killWait = time.Second
)

// dirs are where such programs are besides $PATH, which need not have them.
var dirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// lookFor finds a program; empty if it is not installed.
func lookFor(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// Variant says what a program called iptables is.
type Variant uint8

// Variants of iptables.
const (
	Missing Variant = iota // not installed
	Legacy                 // it writes iptables' own tables
	NFT                    // it writes tables of nftables (rule N2)
)

// Installed finds out which iptables there is. The error is that of a program that does not run.
func Installed(ctx context.Context) (Variant, error) {
	said, err := run(ctx, "", "iptables", "-V")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return Missing, nil
	case err != nil:
		return Missing, err
	case strings.Contains(said, "nf_tables"):
		return NFT, nil
	}
	return Legacy, nil
}

// HasIpset reports whether ipset is installed.
func HasIpset() bool { return lookFor("ipset") != "" }

// run runs a program with an input, and returns its output. The error has what it complained about.
func run(ctx context.Context, input, name string, args ...string) (string, error) {
	path := lookFor(name)
	if path == "" {
		return "", fmt.Errorf("%s is not installed (%w)", name, exec.ErrNotFound)
	}
	var out, said limited
	out.room, said.room = maxOutput, maxSaid
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Args[0] = name
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &said
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	if lock := os.Getenv("XTABLES_LOCKFILE"); lock != "" {
		cmd.Env = append(cmd.Env, "XTABLES_LOCKFILE="+lock)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = killWait
	err := cmd.Run()
	switch {
	case err == nil && out.over:
		return "", fmt.Errorf("%s: more than %d octets", name, maxOutput)
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s was ended: %w", name, context.Cause(ctx))
	}
	if text := strings.TrimSpace(said.String()); text != "" {
		return "", fmt.Errorf("%s: %s", name, strings.TrimPrefix(firstLine(text), name+": "))
	}
	return "", fmt.Errorf("%s: %w", name, err)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// limited keeps the first octets that are written to it.
type limited struct {
	bytes.Buffer
	room int
	over bool
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.room-l.Len())
	l.over = l.over || n < len(b)
	_, _ = l.Buffer.Write(b[:n])
	return len(b), nil
}
