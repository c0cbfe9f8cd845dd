// Package smtp tells of transitions by mail (outputs.md section 5).
package smtp

import (
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"

	"holdfast.dev/notify"
)

// Settings say how and to whom mail goes.
type Settings struct {
	Server   string // HOST:PORT; empty for none
	Helo     string
	From     string
	To       []string
	RouterID string
	Timeout  time.Duration // of every step of the dialogue
	NoFaults bool          // no_email_faults
}

// Usable reports whether there is a server and anybody to write to.
func (s *Settings) Usable() bool { return s.Server != "" && len(s.To) > 0 }

// Limits of what is written, in octets.
const (
	maxSubject = 255
	maxBody    = 511
)

// texts of the states: the end of the subject, and the body for an instance and for a group.
var texts = map[string][3]string{
	notify.Master: {
		"Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <=", "=> All VRRP group instances are now in MASTER state <=",
	},
	notify.Backup: {
		"Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <=", "=> All VRRP group instances are now in BACKUP state <=",
	},
	notify.Fault: {
		"Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <=", "=> All VRRP group instances are now in FAULT state <=",
	},
	notify.Stop:    {"Stopping", "=> VRRP Instance stopping <=", "=> All VRRP group instances are now stopping <="},
	notify.Deleted: {"Deleted", "=> VRRP Deleted at reload <=", "=> VRRP Deleted at reload <="},
}

// Wanted reports whether an event is one that mail tells of.
func (s *Settings) Wanted(ev *notify.Event) bool {
	_, ok := texts[ev.Word()]
	return ok && ev.Mail && ev.News() && !(s.NoFaults && ev.Word() == notify.Fault)
}

// Message is a mail about an event that is Wanted, with lines that end in CRLF.
func (s *Settings) Message(ev *notify.Event, date time.Time) string {
	words := texts[ev.Word()]
	kind, body := "Instance", words[1]
	if ev.Object == notify.Group {
		kind, body = "Group", words[2]
	}
	subject := fmt.Sprintf("[%s] VRRP %s %s - %s", s.RouterID, kind, ev.Name, words[0])
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("Date: %s", date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	line("From: %s", header(s.From))
	line("Subject: %s", encode(cut(oneLine(subject), maxSubject)))
	line("X-Mailer: Keepalived")
	line("%s", s.recipients())
	line("")
	line("%s", cut(oneLine(body), maxBody))
	line("")
	return b.String()
}

// maxLine is from where on a header is folded; a line must not have more than 998 octets (RFC 5322 section 2.1.1).
const maxLine = 900

// recipients is the header that names them, on as many lines as it takes.
func (s *Settings) recipients() string {
	var b strings.Builder
	b.WriteString("To: ")
	length := b.Len()
	for i, a := range s.To {
		a = header(a)
		switch {
		case i == 0:
		case length+len(a) > maxLine:
			b.WriteString(",\r\n ")
			length = 1
		default:
			b.WriteString(", ")
			length += 2
		}
		b.WriteString(a)
		length += len(a)
	}
	return b.String()
}

// oneLine leaves nothing in a text that would end a line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// encode is RFC 2047 for what is not ASCII.
func encode(text string) string { return mime.QEncoding.Encode("utf-8", text) }

// header is an address as it stands in a header. A display name with special characters is quoted.
func header(text string) string {
	text = oneLine(text)
	at := strings.LastIndexByte(text, '<')
	if at <= 0 || !strings.HasSuffix(text, ">") {
		return text
	}
	if a, err := mail.ParseAddress(text); err == nil && ascii(a.Name) {
		return text
	}
	name := strings.Trim(strings.TrimSpace(text[:at]), `"`)
	return (&mail.Address{Name: name, Address: text[at+1 : len(text)-1]}).String()
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// envelope is the bare address.
func envelope(text string) string {
	text = oneLine(text)
	if at := strings.LastIndexByte(text, '<'); at >= 0 && strings.HasSuffix(text, ">") {
		text = text[at+1 : len(text)-1]
	}
	return strings.NewReplacer("<", "", ">", "").Replace(strings.TrimSpace(text))
}
