package probe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"holdfast.dev/internal/netns/nstest"
	"holdfast.dev/track"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// result runs a probe to its end.
func result(t *testing.T, p track.Probe) track.Ended {
	t.Helper()
	ended := make(chan track.Ended, 1)
	Start(p, func(e track.Ended) { ended <- e })
	select {
	case e := <-ended:
		return e
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
		return track.Ended{}
	}
}

func want(t *testing.T, p track.Probe, text string) {
	t.Helper()
	e := result(t, p)
	if e.Signal != 0 || e.Err != text && (text == "" || !strings.Contains(e.Err, text)) {
		t.Errorf("%+v: %+v, want %q", p, e, text)
	}
}

// signalled starts a probe that does not end by itself, and ends it.
func signalled(t *testing.T, p track.Probe) {
	t.Helper()
	ended := make(chan track.Ended, 1)
	run := Start(p, func(e track.Ended) { ended <- e })
	select {
	case e := <-ended:
		t.Fatalf("it ended by itself: %+v", e)
	case <-time.After(20 * time.Millisecond):
	}
	run.Signal(false)
	run.Signal(true)
	select {
	case e := <-ended:
		if e.Signal != sigTerm || e.Err != "" {
			t.Errorf("%+v", e)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}

// deaf is a port that accepts connections as the kernel does, and never says a word.
func deaf(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestConnect(t *testing.T) {
	t.Parallel()
	addr := deaf(t)
	want(t, track.Probe{Does: track.Connect, Addr: addr}, "")
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	six := netip.MustParseAddrPort(l.Addr().String())
	want(t, track.Probe{Does: track.Connect, Addr: six}, "")
	l.Close()
	want(t, track.Probe{Does: track.Connect, Addr: six}, "connection refused")
}

// TestConnectNobody: an address that nobody answers for is given up when the machine says so.
func TestConnectNobody(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	nstest.OK(t, a.AddAddr("eth0", "192.0.2.1/24"))
	nstest.Do(t, a, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		err := connect(ctx, &track.Probe{Addr: netip.MustParseAddrPort("192.0.2.9:80")})
		if err == nil {
			t.Error("somebody answers")
		}
	})
}

func TestFetch(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range 10_000 { // as long as somebody reads
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	get := func(path string, low, top int) track.Probe {
		return track.Probe{Does: track.Fetch, URL: s.URL + path, Low: low, Top: top}
	}
	want(t, get("/ok", 200, 299), "")
	want(t, get("/moved", 200, 299), "status 302")
	want(t, get("/moved", 302, 302), "")
	want(t, get("/gone", 200, 299), "status 404")
	want(t, get("/huge", 200, 299), "server response headers exceeded")
	want(t, get("/endless", 200, 299), "")
	want(t, track.Probe{Does: track.Fetch, URL: "http://127.0.0.1:1/", Low: 200, Top: 299}, "connection refused")
	signalled(t, track.Probe{Does: track.Fetch, URL: "http://" + deaf(t).String() + "/", Low: 200, Top: 299})
}

func TestFetchTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	p := track.Probe{Does: track.Fetch, URL: s.URL, Low: 200, Top: 299}
	want(t, p, "certificate signed by unknown authority")
	p.Insecure = true
	want(t, p, "")
}

func TestExists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "gone"), link); err != nil {
		t.Fatal(err)
	}
	want(t, track.Probe{Does: track.Exists, Path: dir}, "")
	want(t, track.Probe{Does: track.Exists, Path: link}, "no such file or directory")
	want(t, track.Probe{Does: track.Exists, Path: "/dev/null/x"}, "not a directory")
	want(t, track.Probe{}, "nothing to check")
}

func TestDefaultRoute(t *testing.T) {
	t.Parallel()
	a, _ := nstest.Pair(t)
	nstest.OK(t, a.AddAddr("eth0", "192.0.2.1/24"))
	nstest.OK(t, a.AddAddr("eth0", "2001:db8::1/64"))
	for _, c := range []struct {
		ip   string // the command before the question
		want track.Probe
		err  string
	}{
		{"", track.Probe{}, "no default route"},
		{"route add blackhole default", track.Probe{}, "no default route"},
		{"route replace default via 192.0.2.9 table 100", track.Probe{}, "no default route"},
		{"route replace default via 192.0.2.9", track.Probe{}, ""},
		{"", track.Probe{Link: "eth0"}, ""},
		{"", track.Probe{Link: "lo"}, "no default route"},
		{"", track.Probe{Link: "eth7"}, "no interface eth7"},
		{"", track.Probe{IPv6: true}, "no default route"},
		{"-6 route add default via 2001:db8::9", track.Probe{IPv6: true, Link: "eth0"}, ""},
		{"route replace default nexthop via 192.0.2.8 nexthop via 192.0.2.9", track.Probe{Link: "eth0"}, ""},
		{"", track.Probe{Link: "lo"}, "no default route"},
		{"link set eth0 down", track.Probe{}, "no default route"},
	} {
		if c.ip != "" {
			if err := a.Run(exec.Command("ip", strings.Fields(c.ip)...)); err != nil {
				t.Fatal(err)
			}
		}
		nstest.Do(t, a, func() {
			err := defaultRoute(&c.want)
			if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != c.err) {
				t.Errorf("after %q: %+v: %v, want %q", c.ip, c.want, err, c.err)
			}
		})
	}
}

// manager is systemd, as far as a check asks it, on a real bus.
type manager struct{ conn *dbus.Conn }

// LoadUnit is the method that checks call.
func (m *manager) LoadUnit(name string) (dbus.ObjectPath, *dbus.Error) {
	if name == "bad name" {
		return "", dbus.NewError("org.freedesktop.systemd1.InvalidName", []any{"Unit name is not valid."})
	}
	path := systemdPath + "/unit/" + dbus.ObjectPath(strings.NewReplacer(".", "_2e", "-", "_2d").Replace(name))
	u := unitObject{strings.TrimSuffix(name, ".service")}
	if err := m.conn.Export(u, path, "org.freedesktop.DBus.Properties"); err != nil {
		return "", dbus.MakeFailedError(err)
	}
	return path, nil
}

type unitObject struct{ state string }

// Get is what is asked of a unit.
func (u unitObject) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(u.state), nil
}

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=PATH</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

func TestUnit(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "bus")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+socket)
	want(t, track.Probe{Does: track.Unit, Unit: "active.service"}, "system bus: no such file or directory")
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip(err)
	}
	conf := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(conf, []byte(strings.ReplaceAll(busConfig, "PATH", socket)), 0o644); err != nil {
		t.Fatal(err)
	}
	bus := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--nopidfile")
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Process.Kill(); _ = bus.Wait() })
	nstest.Eventually(t, "the bus listens", func() bool { _, err := os.Stat(socket); return err == nil })
	nstest.Eventually(t, "nobody is there", func() bool {
		return strings.Contains(result(t, track.Probe{Does: track.Unit, Unit: "active.service"}).Err, "systemd: ")
	})
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Export(&manager{conn}, systemdPath, systemdName+".Manager"); err != nil {
		t.Fatal(err)
	}
	if r, err := conn.RequestName(systemdName, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(r, err)
	}
	for name, text := range map[string]string{
		"active.service": "", "reloading.service": "", "inactive.service": "inactive", "failed.service": "failed", "bad name": "Unit name is not valid",
	} {
		want(t, track.Probe{Does: track.Unit, Unit: name}, text)
	}
}
