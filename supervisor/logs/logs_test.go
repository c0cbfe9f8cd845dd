package logs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast.dev/supervisor/role"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConsoleAndFiles(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	base := filepath.Join(dir, "keepalived.log")
	l := New(Settings{Console: &out, File: base, Detail: 1})
	at := time.Date(2026, 11, 2, 15, 4, 5, 6, time.Local)
	l.Put(Line{At: at, Ident: "Keepalived", PID: 1, Text: "Startup complete"})
	l.Relay("Keepalived_vrrp", 2, &role.Log{At: at.UnixNano(), Text: "a\nb\x1b[1mc", Detail: 1})
	l.Relay("Keepalived_vrrp", 2, &role.Log{At: at.UnixNano(), Text: "too much detail", Detail: 2})
	l.Close(time.Minute)
	l.Put(Line{Text: "after the end"})
	want := "Mon Nov  2 15:04:05 2026: Startup complete\nMon Nov  2 15:04:05 2026: a b [1mc\n"
	if out.String() != want {
		t.Errorf("console has %q, want %q", out.String(), want)
	}
	for name, want := range map[string]string{
		"keepalived.log":      "Mon Nov  2 15:04:05.000000006 2026: Startup complete\n",
		"keepalived_vrrp.log": "Mon Nov  2 15:04:05.000000006 2026: a b [1mc\n",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v", name, got, err)
		}
	}
}

func TestFileIsNoLink(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "k.log")
	os.Symlink(filepath.Join(dir, "victim"), base)
	if err := CheckFile(base, "Keepalived"); err == nil {
		t.Fatal("followed a link")
	}
	if _, err := os.Stat(filepath.Join(dir, "victim")); err == nil {
		t.Fatal("created the target of a link")
	}
}

func TestFileName(t *testing.T) {
	for ident, want := range map[string]string{
		"Keepalived":                "/tmp/k.log",
		"Keepalived_vrrp":           "/tmp/k_vrrp.log",
		"Keepalived_vrrp_../../etc": "/tmp/k_vrrp_.._.._etc.log",
	} {
		if got := FileName("/tmp/k.log", ident); got != want {
			t.Errorf("%s: %s", ident, got)
		}
	}
}

// A console that nobody reads must cost lines, not the time of those who log.
func TestBlockedConsole(t *testing.T) {
	r, w := io.Pipe()
	l := New(Settings{Console: w})
	for i := range Queue + 200 {
		l.Put(Line{Text: fmt.Sprint(i)})
	}
	l.Relay("x", 1, &role.Log{Text: "also lost", Dropped: 1000})
	done := make(chan string)
	go func() {
		data, _ := io.ReadAll(r)
		done <- string(data)
	}()
	l.Close(time.Minute)
	w.Close()
	got := <-done
	var lost int
	for _, line := range strings.Split(got, "\n") {
		if strings.Contains(line, "log lines were lost") {
			var n int
			_, rest, _ := strings.Cut(line[20:], ": ")
			fmt.Sscan(rest, &n)
			lost += n
		}
	}
	written := strings.Count(got, "\n") - 1
	if lost < 1000 || written+lost != Queue+200+1+1000 {
		t.Fatalf("%d written, %d told as lost", written, lost)
	}
}
