// Package kernel is the real kernel of package host: it carries out, reads and watches, over rtnetlink.
//
// A Writer keeps the kernel at what is wanted and reports what it made of it, and everything that happens to links and
// addresses. Of routes and rules it hears only once some are wanted, and it reads those of the tables and protocols that
// are. Read takes a snapshot, Sweep removes what an earlier run left behind.
//
// Everything happens in the network namespace of the thread that calls Open, Read or Sweep. Once Open has returned,
// nothing but its sockets is used: no file, no sysctl. The transport is github.com/mdlayher/netlink as far as opening,
// binding and options go; messages are our own codec and whole batches are sent and received with one system call,
// which that package does not offer.
//
// What newer kernels have and older ones (from 4.18 on) do not:
//
//	IFA_PROTO, the mark on an address     5.18   older kernels ignore the attribute; Writer.Marks tells
//	strict checking of dumps, one link's  4.20   older kernels dump all links' addresses and all routes, filtered here
package kernel
