package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast.dev/config/files"
	"holdfast.dev/config/format"
)

// fmtCommand prints files in the canonical layout.
func fmtCommand() *cobra.Command {
	write, list := false, false
	c := &cobra.Command{
		Use:   "fmt [FILE...]",
		Short: "print configuration files in one canonical layout",
		Long: "Fmt prints files, or what comes on standard input, in one layout: a tab for each block, a line for each keyword, comments kept. The meaning never\n" +
			"changes: a file whose layout can't be changed without is left as it is, with an error. Included files are files of their own.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), files.MaxSize+1))
				if err != nil {
					return err
				}
				if len(text) > files.MaxSize {
					return files.ErrTooLarge
				}
				out, err := format.Format(string(text))
				fmt.Fprint(cmd.OutOrStdout(), out)
				return err
			}
			return formatFiles(cmd.OutOrStdout(), args, write, list)
		},
	}
	c.Flags().BoolVarP(&write, "write", "w", false, "write the result back to the file")
	c.Flags().BoolVarP(&list, "list", "l", false, "only list files whose layout is another; status 1 if there are any")
	return c
}

func formatFiles(out io.Writer, paths []string, write, list bool) error {
	other := 0
	for _, p := range paths {
		text, _, err := files.OS{}.Read(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		done, err := format.Format(text)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		switch {
		case list && done != text:
			other++
			fmt.Fprintln(out, p)
		case list:
		case !write:
			fmt.Fprint(out, done)
		case done != text:
			if err := replace(p, done); err != nil {
				return err
			}
		}
	}
	if other > 0 {
		return fmt.Errorf("%d files are in another layout", other)
	}
	return nil
}

// replace puts a new text in the place of a file at once: a daemon that reads it sees the old one or the new one. Symbolic
// links stay.
func replace(path, text string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".holdfast-fmt-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when all went well
	if err := fill(f, text, info); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func fill(f *os.File, text string, like os.FileInfo) error {
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := f.Chmod(like.Mode().Perm()); err != nil {
		return err
	}
	if err := keepOwner(f, like); err != nil {
		return err
	}
	return f.Sync()
}

// keepOwner gives a new file the owner of the old one, as far as that is allowed.
func keepOwner(f *os.File, like os.FileInfo) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid() {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
