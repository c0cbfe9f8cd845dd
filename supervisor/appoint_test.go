package supervisor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReloadTime(t *testing.T) {
	was := time.Local
	time.Local = time.FixedZone("here", 2*3600)
	defer func() { time.Local = was }()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.Local)
	for _, c := range []struct {
		text  string
		want  string // empty for a refusal
		dated bool
	}{
		{"19:00:00", "2026-11-22 19:00:00 here", false},
		{"18:30:00", "2026-11-23 18:30:00 here", false}, // not now: it was now a moment ago
		{"06:15:01", "2026-11-23 06:15:01 here", false},
		{"17:00:00Z", "2026-11-22 17:00:00 UTC", false},
		{"16:00:00Z", "2026-11-23 16:00:00 UTC", false},
		{"17:00:00 Z", "2026-11-22 17:00:00 UTC", false},
		{"2026-12-01 00:00:00", "2026-12-01 00:00:00 here", true},
		{"26-12-01 00:00:00", "2026-12-01 00:00:00 here", true},
		{"2027-02-28 23:59:59Z", "2027-02-28 23:59:59 UTC", true},
		{"2026-11-22 18:29:59", "", true},
		{"26-11-22 16:29:59Z", "", true},
		{"2026-02-30 00:00:00", "", false},
		{"24:00:00", "", false},
		{"noon", "", false},
		{"", "", false},
		{"Z", "", false},
	} {
		at, dated, err := reloadTime(c.text, now)
		if (err != nil) != (c.want == "") || err == nil && shown(at) != c.want || dated != c.dated {
			t.Errorf("%q: %s, %v, %v", c.text, shown(at), dated, err)
		}
	}
}

// write replaces a file as an administrator does.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestAppointment: the time in the file is scheduled, moved, cancelled, and when it comes the daemon reloads and the file is gone.
// With reload_repeat a time without a date is for every day, and the file stays.
func TestAppointment(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	path := filepath.Join(h.dir, "reload.time")
	h.cfg.Global.Reload.TimeFile = path
	h.deeds("")
	d := h.start()
	d.wait("Startup complete")
	write(t, path, "nonsense\n")
	d.wait(`reload_time_file: "nonsense" is no time`)
	write(t, path, "2099-12-31 23:00:00Z\n")
	d.wait(`Scheduling a reload for 2099-12-31 23:00:00 UTC`)
	write(t, path, "2099-12-31 23:30:00Z")
	d.wait(`The scheduled reload is now for 2099-12-31 23:30:00 UTC`)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	d.wait(`Cancelling the reload scheduled for 2099-12-31 23:30:00 UTC`)

	const layout = "2006-01-02 15:04:05"
	// soon puts a time into the file, and another one if the machine was so slow that it was over before it was read.
	soon := func(from int) {
		t.Helper()
		for {
			at := time.Now().Add(5 * time.Second).UTC()
			write(t, path, at.Format(layout + "Z")[from:])
			is := d.wait(`(?:Scheduling a reload|The scheduled reload is now) for (.*) UTC|reload_time_file: ".*" is in the past`)
			if is == at.Format(layout) {
				return
			}
			t.Logf("it read %q too late", is)
		}
	}
	soon(0)
	d.wait("Reload scheduled for ")
	d.wait("Reload complete")
	eventually(t, "the file is gone", func() bool { _, err := os.Lstat(path); return os.IsNotExist(err) })

	h.cfg.Global.Reload.Repeat = true
	h.write()
	d.signal(unix.SIGHUP)
	d.wait("Reload complete")
	soon(len("2006-01-02 "))
	d.wait("Reload scheduled for ")
	d.wait("Scheduling a reload for ") // tomorrow
	d.wait("Reload complete")
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	h.cfg.Global.Reload.TimeFile = ""
	h.write()
	d.signal(unix.SIGHUP)
	d.wait("Cancelling the reload scheduled for ")
	d.stop()
}
