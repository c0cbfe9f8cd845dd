package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"holdfast.dev/config/sample"
)

// BenchmarkTest times "-t" of large configurations, holdfast and the installed keepalived in turn: the time on the clock,
// the time of processors, and the most memory at a time.
func BenchmarkTest(b *testing.B) {
	theirs := installed()
	if theirs == "" {
		b.Skip("keepalived is not installed")
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	ours := filepath.Join(dir, "holdfast") // the name makes the test program holdfast, see TestMain
	if err := os.Symlink(self, ours); err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"10000-instances": sample.Instances(10_000), "50000-servers": sample.Services(1000, 50)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
		for _, program := range []string{ours, theirs} {
			b.Run(name+"/"+filepath.Base(program), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				busy, most := 0.0, int64(0)
				for b.Loop() {
					cmd := exec.Command(program, "-t", "-f", path)
					if err := cmd.Run(); err != nil {
						b.Fatal(err)
					}
					busy += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
					most = max(most, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
				}
				b.ReportMetric(busy/float64(b.N), "cpu-s/op")
				b.ReportMetric(float64(most)/1024, "MiB")
			})
		}
	}
}
