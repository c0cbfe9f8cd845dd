package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/interop/lab"
	"holdfast.dev/notify/smtp/smtptest"
)

// heard is what a daemon has told of its life.
type heard struct {
	calls []entry         // of scripts
	lines []string        // in the pipe
	mails []smtptest.Mail // to the server
}

// listeners hear what a daemon tells otherwise than by notify scripts: the lines of a pipe, by a reader that the daemon starts, and mail.
type listeners struct {
	pipe, reader, file string
	server             smtptest.Server
	address            net.Addr
}

func newListeners(t *testing.T, l *lab.Lab) *listeners {
	t.Helper()
	dir := t.TempDir()
	e := &listeners{pipe: filepath.Join(dir, "fifo"), reader: filepath.Join(dir, "reader.sh"), file: filepath.Join(dir, "lines")}
	if err := os.WriteFile(e.reader, []byte("#!/bin/sh\nexec cat \"$1\" >> "+e.file+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var listener net.Listener
	err := l.Client.NS.Do(func() (err error) {
		listener, err = net.Listen("tcp4", l.Client.IPv4()+":0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	e.address = listener.Addr()
	e.server.Start(t, listener)
	return e
}

// lines are those of global_defs.
func (e *listeners) lines() []string {
	host, port, _ := net.SplitHostPort(e.address.String())
	return []string{
		"vrrp_notify_fifo " + e.pipe, "vrrp_notify_fifo_script " + e.reader,
		"notification_email {\n\t\tops@example.org\n\t\tother.person.with.a.long.name@example.org\n\t\tnight.shift@example.org\n" +
			"\t\tday.shift@example.org\n\t}", "notification_email_from ha@example.org",
		fmt.Sprintf("smtp_server %s %s", host, port), "smtp_helo_name lb1.example.org", "smtp_alert_vrrp",
	}
}

func (e *listeners) read(t *testing.T) (lines []string) {
	t.Helper()
	b, err := os.ReadFile(e.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		lines = append(lines, line)
	}
	return lines
}

// compareLines compares what stood in the pipe, octet by octet. Between objects the order may differ: a member that is told while the
// addresses of another are still on their way.
func compareLines(t *testing.T, theirs, mine []string) {
	t.Helper()
	of := func(lines []string, object string) (out []string) {
		for _, l := range lines {
			if strings.Contains(l, " \""+object+"\" ") {
				out = append(out, l)
			}
		}
		return out
	}
	for _, object := range []string{"VI_1", "VI_2", "G"} {
		want, got := of(theirs, object), of(mine, object)
		if n := len(got); n == len(want)+1 && strings.Contains(got[n-1], " STOP ") {
			got = got[:n-1] // the reference ends its reader before it writes this one
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: in the reference's pipe:\n%sin ours:\n%s", object, strings.Join(want, ""), strings.Join(got, ""))
		}
	}
	if !reference() && !strings.Contains(strings.Join(mine, ""), " STOP ") {
		t.Error("ours has written no line about its end")
	}
	if len(theirs) < 4 {
		t.Errorf("the reference has written only %q", theirs)
	}
	t.Logf("the reference's pipe:\n%sours:\n%s", strings.Join(theirs, ""), strings.Join(mine, ""))
}

var dateLine = regexp.MustCompile(`(?m)^Date: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [-+]\d{4}$`)

// compareMails compares the mails with all their headers, but for the date of which the form counts. The reference sends several at once.
func compareMails(t *testing.T, theirs, mine []smtptest.Mail) {
	t.Helper()
	text := func(mails []smtptest.Mail) (out []string) {
		for _, m := range mails {
			if strings.Contains(m.Text, " - Stopping\n") {
				continue // the reference ends before it could send these
			}
			out = append(out, fmt.Sprintf("%s\n%s\n%s", m.From, m.To, dateLine.ReplaceAllString(m.Text, "Date: ...")))
		}
		slices.Sort(out)
		return out
	}
	want, got := strings.Join(text(theirs), "\n"), strings.Join(text(mine), "\n")
	if want != got {
		t.Errorf("mails of the reference:\n%s\n\nmails of ours:\n%s", want, got)
	}
	if n := strings.Count(fmt.Sprint(mine), " - Stopping\n"); n == 0 && !reference() {
		t.Error("ours has sent no mail about its end")
	}
	if len(theirs) < 4 || !strings.Contains(want, "Date: ...") {
		t.Errorf("mails of the reference:\n%s", want)
	}
}
