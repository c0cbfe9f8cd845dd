// Package nstest gives tests their own network namespaces (see package netns) and takes care of cleaning up,
// failing and skipping.
//
//	func TestMain(m *testing.M) { nstest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		a, b := nstest.Pair(t) // eth0 to eth0, both up
//		nstest.Do(t, a, func() { … })
//	}
package nstest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"holdfast.dev/internal/netns"
)

// Main runs the tests of a package; where the user is not allowed to make network namespaces, in a second process
// inside a user namespace. Where that is impossible too, New skips the test and says why.
func Main(m *testing.M) {
	if netns.Able() == nil || netns.Inside() {
		os.Exit(m.Run())
	}
	status, err := netns.Again()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests in namespaces are left out:", err)
		os.Exit(m.Run())
	}
	os.Exit(status)
}

// New makes a namespace that is closed at the end of the test.
func New(t testing.TB) *netns.NS {
	t.Helper()
	if err := netns.Able(); err != nil {
		t.Skipf("network namespaces can't be made here: %v", err)
	}
	n, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// Pair makes two namespaces joined by a veth, called eth0 in both, with both ends up and carrier on both.
func Pair(t testing.TB) (a, b *netns.NS) {
	t.Helper()
	a, b = New(t), New(t)
	Veth(t, a, "eth0", b, "eth0")
	return a, b
}

// Veth joins two namespaces and sets both ends up.
func Veth(t testing.TB, a *netns.NS, aName string, b *netns.NS, bName string) {
	t.Helper()
	OK(t, a.AddVeth(aName, b, bName))
	OK(t, a.SetUp(aName))
	OK(t, b.SetUp(bName))
}

// Do runs f inside the namespace. When f fails the test with t.Fatal, so does Do.
func Do(t testing.TB, n *netns.NS, f func()) {
	t.Helper()
	err := n.Do(func() error {
		f()
		return nil
	})
	if errors.Is(err, netns.ErrGoexit) {
		t.FailNow()
	}
	OK(t, err)
}

// OK fails the test if err is not nil.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Eventually waits until cond is true, for at most a generous time that only a broken program or a dead machine
// uses up, and fails the test with what otherwise.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("still not so after a minute: %s", what)
}
