// Package guest runs a program in a small virtual machine with a kernel of its own: Debian's kernel for the cloud, which has
// IPVS, VRF, VLAN, netem and what else a test machine may lack, in qemu without KVM. The machine consists of that kernel, an
// init written in Go, the program and the files it was given. It has one processor, no disk and no network device: nothing
// can leave.
//
//	r := guest.Run(t, guest.Job{Binary: "/path/to/program", Args: []string{"-v"}, Modules: []string{"veth", "bridge"}})
//
// A whole test binary runs in a guest with
//
//	func TestMain(m *testing.M) { guest.Main(m, func() (guest.Job, error) { … }) }
//	func TestX(t *testing.T)   { guest.Need(t); … }
//
// # Virtual time
//
// With Job.VirtualTime the machine counts its time in the instructions that it executed, and time in which it has nothing to
// do is skipped. What is measured in there no longer depends on how busy the host is, and waiting costs nothing: a minute of
// adverts takes as long as it takes to execute them. All clocks of the guest agree: CLOCK_MONOTONIC, CLOCK_REALTIME, timers,
// the time stamps of packets.
//
// # What is needed
//
// qemu-system-x86_64 (package qemu-system-x86), apt-get and dpkg-deb: the kernel package is fetched once, unpacked below the
// user's cache folder and never installed. Where something is missing the test fails if the environment variable CI is set,
// and is skipped otherwise.
package guest
