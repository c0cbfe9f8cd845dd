// Package iptables keeps a firewall (host.Wall) in chains of iptables and ip6tables, and in sets of ipset, with the programs of that name: the kernel
// has no other lasting interface to them. Every rule of ours bears the firewall's mark as a comment, and only those are ever deleted.
//
// It must not be used by a process that is real-time, or that may not wait: each operation runs up to half a dozen programs.
package iptables
