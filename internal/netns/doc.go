// Package netns makes network namespaces and wires them together, for tests, scenarios and the demonstration.
//
// A namespace made by New has no name, no file and no entry anywhere: it is held by a descriptor of this process
// and is gone, with everything in it, when the NS is closed or the process ends, however it ends. Nothing outside
// the namespaces made here is ever changed, so tests may run beside each other and beside a live system.
//
//	a, err := netns.New()           // lo is up, nothing else is there
//	b, err := netns.New()
//	err = a.AddVeth("eth0", b, "eth0")
//	err = a.SetUp("eth0")
//	err = a.AddAddr("eth0", "10.0.0.1/24")
//	err = a.Do(func() error { … })  // sockets opened in here belong to a, for as long as they are open
//	err = a.Start(cmd)              // a process that lives in a
//
// # Threads
//
// A network namespace belongs to a thread. Do runs its function in a new goroutine that is locked to a thread of
// its own, enters the namespace, and lets the thread die afterwards: a thread that has been elsewhere never gets
// back to the scheduler. A goroutine that the function starts is on another thread and therefore not in the
// namespace; open sockets within Do and hand them out instead. Reading and writing /proc/sys/net counts as being
// there as well: use Sysctl and SetSysctl.
//
// # Without root
//
// Making a network namespace needs CAP_SYS_ADMIN. Where it is missing, Again runs the same program once more
// inside a user namespace in which it is root; nstest.Main does that for a whole test binary.
package netns
