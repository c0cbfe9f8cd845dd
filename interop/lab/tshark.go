package lab

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Frames lists what the given nodes have sent, or all if none is given, as far as it is VRRP, ARP or a Neighbor
// Advertisement.
func (l *Lab) Frames(nodes ...*Node) []Frame {
	l.rec.mu.Lock()
	defer l.rec.mu.Unlock()
	var out []Frame
	for _, f := range l.rec.frames {
		if len(nodes) == 0 || slices.Contains(nodes, f.Node) {
			out = append(out, f)
		}
	}
	return out
}

// WritePcap writes frames to a file.
func WritePcap(path string, frames []Frame) error {
	var b bytes.Buffer
	w := pcapgo.NewWriterNanos(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		return err
	}
	for _, f := range frames {
		info := gopacket.CaptureInfo{Timestamp: f.At, CaptureLength: len(f.Bytes), Length: len(f.Bytes)}
		if err := w.WritePacket(info, f.Bytes); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// Dissect has tshark read the packets that the nodes have sent and fails the test for each that it finds malformed or
// wrongly summed, or has any other complaint about.
func (l *Lab) Dissect(nodes ...*Node) {
	l.T.Helper()
	tshark := Tool(l.T, "tshark", "tshark")
	frames := l.Frames(nodes...)
	if len(frames) == 0 {
		l.T.Error("there is not one packet for tshark to read")
		return
	}
	path := filepath.Join(l.T.TempDir(), "lab.pcap")
	l.ok(WritePcap(path, frames))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tshark, "-r", path, "-n",
		"-o", "ip.check_checksum:TRUE", "-o", "arp.detect_duplicate_ips:FALSE", "-o", "vrrp.v3_checksum_as_in_v2:FALSE",
		"-Y", "_ws.expert", "-T", "fields", "-e", "frame.number", "-e", "ip.src", "-e", "ipv6.src", "-e", "_ws.expert.message")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		l.T.Errorf("tshark: %v\n%s", err, stderr.String())
		return
	}
	for line := range strings.Lines(string(out)) {
		l.T.Errorf("tshark about packet %s", strings.TrimSpace(line))
	}
}
