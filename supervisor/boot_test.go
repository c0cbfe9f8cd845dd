package supervisor

import (
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/supervisor/role"
)

// TestOvertimeIsTold: the kernel's warning before it kills for vrrp_rlimit_rttime reaches the log, and ends nothing.
func TestOvertimeIsTold(t *testing.T) {
	t.Parallel()
	a, b, err := role.Pair()
	if err != nil {
		t.Fatal(err)
	}
	child, err := role.NewConn(a)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	ours, err := role.NewConn(b)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	(&boot{Role: role.VRRP}).signal(child, unix.SIGXCPU)
	m, _, err := ours.Recv()
	if err != nil || m.Log == nil || m.Log.Text != overtime || m.Log.Level != 4 {
		t.Errorf("%+v %v", m, err)
	}
}
