// Package local is what the vrrp role and the carrier say to each other over their direct SEQPACKET socket. A datagram holds one message
// or several. Both ends are the same build, so there is no version; what can't be read is a mistake, is counted and dropped.
//
// Neither side ever waits for the other: what does not fit into the socket is lost, as packets are.
package local
