package supervisor

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"holdfast.dev/transport"
)

// TestListenOn: what the carrier is given are sockets that can be dialled or sent to at once, whether anybody accepts or not.
func TestListenOn(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1", "0.0.0.0", "::"} {
		for _, tcp := range []bool{true, false} {
			l := transport.Listen{TCP: tcp, Addr: netip.MustParseAddr(addr)} // port 0 takes any
			f, err := listenOn(l)
			if err != nil {
				t.Errorf("%+v: %v", l, err)
				continue
			}
			if !tcp {
				f.Close()
				continue
			}
			at, err := net.FileListener(f)
			if err != nil {
				t.Fatal(err)
			}
			port := at.Addr().(*net.TCPAddr).AddrPort().Port()
			at.Close() // f is another descriptor of the same socket, as the supervisor's is
			to := map[string]string{"0.0.0.0": "127.0.0.1", "::": "::1"}[addr]
			if to == "" {
				to = addr
			}
			c, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(to), port).String())
			if err != nil {
				t.Errorf("nobody accepts, and a dial is refused: %v", err)
			} else {
				c.Close()
			}
			f.Close()
		}
	}
}

// TestNamesFile: answers come back; whatever else is in that place is no answer.
func TestNamesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.names")
	if got := readNames(path); got == nil || len(got) != 0 {
		t.Error(got)
	}
	want := netip.MustParseAddr("192.0.2.1")
	writeNames(path, map[string][]netip.Addr{"a": {want}})
	if got := readNames(path); len(got) != 1 || len(got["a"]) != 1 || got["a"][0] != want {
		t.Error(got)
	}
	for _, text := range []string{"", "null", "[]", `{"a":["x"]}`, `{"a":1}`, "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readNames(path); got == nil || len(got["a"]) != 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
	link := path + "2"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if got := readNames(link); len(got) != 0 {
		t.Error("it follows a link")
	}
}
