package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
	for name, text := range map[string]string{"10000-instances": manyInstances(10_000), "50000-servers": manyServers(1000, 50)} {
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

func manyInstances(n int) string {
	var s strings.Builder
	s.WriteString("global_defs {\n\tdynamic_interfaces\n}\n")
	for i := range n {
		fmt.Fprintf(&s, `vrrp_instance VI_%d {
    state BACKUP
    interface dummy%d
    virtual_router_id %d
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.%d.%d.1/24
    }
}
`, i, i/250, i%250+1, i/250, i%250)
	}
	return s.String()
}

func manyServers(n, each int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "virtual_server 10.%d.%d.1 80 {\n    delay_loop 6\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP\n", i/250, i%250)
		for j := range each {
			fmt.Fprintf(&s, `    real_server 172.16.%d.%d 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 3
            retry 3
            delay_before_retry 3
        }
    }
`, j/250, j%250)
		}
		s.WriteString("}\n")
	}
	return s.String()
}
