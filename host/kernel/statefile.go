package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast.dev/host"
)

// Limits of a state file. Neither is near what a node can hold.
const (
	MaxHeldBytes = 16 << 20
	MaxHeldKeys  = 100_000 // addresses, routes and rules together
)

const heldVersion = 1

// Items is what can be left behind in a kernel.
type Items struct {
	Keys   []host.Key // of addresses
	Routes []host.Route
	Rules  []host.Rule
	Links  []string        // virtual interfaces, by name
	Walls  []host.WallName // tables of the firewall
}

// Len is the number of items.
func (i *Items) Len() int {
	return len(i.Keys) + len(i.Routes) + len(i.Rules) + len(i.Links) + len(i.Walls)
}

// Held is what a run leaves in its state file, for the next one to clean up if this one is killed: what it held. It means
// something only on the same boot of the machine, and in the same network namespace.
type Held struct {
	Boot      string // /proc/sys/kernel/random/boot_id
	Namespace uint64 // inode of the network namespace
	Items
}

type heldFile struct {
	Version   int             `json:"version"`
	Boot      string          `json:"boot_id"`
	Namespace uint64          `json:"network_namespace"`
	Addresses []heldAddress   `json:"addresses"`
	Routes    []host.Route    `json:"routes,omitempty"`
	Rules     []host.Rule     `json:"rules,omitempty"`
	Links     []string        `json:"interfaces,omitempty"`
	Walls     []host.WallName `json:"firewalls,omitempty"`
}

type heldAddress struct {
	Link    string       `json:"interface"`
	Address netip.Prefix `json:"address"`
	Net     netip.Prefix `json:"peer,omitzero"` // of host.Key
}

// Here returns a Held without addresses for this boot and the network namespace of the calling thread. It reads /proc.
func Here() (Held, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Held{}, err
	}
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return Held{}, &os.PathError{Op: "stat", Path: "/proc/thread-self/ns/net", Err: err}
	}
	return Held{Boot: strings.TrimSpace(string(boot)), Namespace: st.Ino}, nil
}

// Same reports whether what other holds is of the same boot and network namespace: whether it can still be there, and is
// not somebody else's.
func (h Held) Same(other Held) bool {
	return h.Boot != "" && h.Boot == other.Boot && h.Namespace == other.Namespace
}

// EncodeHeld returns the contents of a state file.
func EncodeHeld(h Held) ([]byte, error) {
	if n := h.Len(); n > MaxHeldKeys {
		return nil, fmt.Errorf("%d addresses, routes and rules are more than a state file takes (%d)", n, MaxHeldKeys)
	}
	f := heldFile{
		Version: heldVersion, Boot: h.Boot, Namespace: h.Namespace, Addresses: make([]heldAddress, len(h.Keys)),
		Routes: h.Routes, Rules: h.Rules, Links: h.Links, Walls: h.Walls,
	}
	for i, k := range h.Keys {
		f.Addresses[i] = heldAddress{Link: k.Link, Address: k.Prefix, Net: k.Net}
	}
	b, err := json.MarshalIndent(f, "", "\t")
	return append(b, '\n'), err
}

// DecodeHeld reads the contents of a state file. It fails on anything that EncodeHeld would not have written: what it says
// is going to be deleted.
func DecodeHeld(b []byte) (Held, error) {
	if len(b) > MaxHeldBytes {
		return Held{}, fmt.Errorf("state file: longer than %d octets", MaxHeldBytes)
	}
	var f heldFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Held{}, fmt.Errorf("state file: %w", err)
	}
	if f.Version != heldVersion {
		return Held{}, fmt.Errorf("state file: version %d, and only %d is known", f.Version, heldVersion)
	}
	h := Held{Boot: f.Boot, Namespace: f.Namespace, Items: Items{Routes: f.Routes, Rules: f.Rules, Links: f.Links, Walls: f.Walls}}
	if h.Len()+len(f.Addresses) > MaxHeldKeys {
		return Held{}, fmt.Errorf("state file: more than %d addresses, routes and rules", MaxHeldKeys)
	}
	for _, name := range f.Links {
		if !linkName(name) {
			return Held{}, fmt.Errorf("state file: %q is not the name of an interface", name)
		}
	}
	for _, w := range f.Walls {
		if !wallName(&w) {
			return Held{}, fmt.Errorf("state file: %q, marked %q, is not a firewall", w.String(), w.Mark)
		}
	}
	for i := range f.Routes {
		if !f.Routes[i].Valid() {
			return Held{}, fmt.Errorf("state file: %q is not a route", f.Routes[i].Key())
		}
	}
	for i := range f.Rules {
		if !f.Rules[i].Valid() {
			return Held{}, fmt.Errorf("state file: %q is not a rule", f.Rules[i].Key())
		}
	}
	for _, a := range f.Addresses {
		if !linkName(a.Link) || !a.Address.IsValid() || a.Net != (netip.Prefix{}) && (!a.Net.IsValid() || !a.Net.Addr().Is4()) {
			return Held{}, fmt.Errorf("state file: %q on %q is not an address on an interface", a.Address, a.Link)
		}
		h.Keys = append(h.Keys, host.Key{Link: a.Link, Prefix: a.Address, Net: a.Net})
	}
	return h, nil
}

func wallName(w *host.WallName) bool {
	c := &w.Chains
	one := (w.Table == "") != (c.In == "") && (c.In != "" || *c == host.Chains{})
	return one && w.Mark != "" && len(w.Mark) <= host.MaxMark &&
		!strings.ContainsAny(w.Table+w.Mark+c.In+c.Out+c.Set4+c.Set6+c.Local, "\x00\n\"")
}

func linkName(s string) bool {
	return s != "" && len(s) < unix.IFNAMSIZ && !strings.ContainsAny(s, "/\x00")
}

// WriteFile replaces the file in one step: it has its old contents or its new ones, whatever happens. Only its owner may
// read it. A symbolic link in its place is replaced, not followed; the directory must be one that others can't write to.
func WriteFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // O_EXCL, 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// ReadFile reads a state file of at most MaxHeldBytes. It does not follow a symbolic link in its place, and reads nothing
// but a regular file that belongs to the user whom we run as.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if int(st.Uid) != os.Geteuid() {
		return nil, &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("it belongs to user %d", st.Uid)}
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxHeldBytes+1))
	if err == nil && len(b) > MaxHeldBytes {
		err = &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d octets", MaxHeldBytes)}
	}
	return b, err
}
