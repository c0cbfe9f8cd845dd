// Package durations measures how long real daemons take on a real kernel, in a guest in virtual time, where nothing but the
// daemons themselves and the kernel takes any time: take-over, skew, delays, the cadence of adverts, gratuitous ARP. Each is
// held against what is due by the RFC and the rules, to within 2 ms.
//
// What needs interfaces that the machine itself may not have, ipvlans and VRFs, is tried here too: not for how long it takes.
//
// All of it are tests. Every packet is stamped by the kernel of the guest when it enters the bridge; the program that
// captures them sleeps until a scenario is over, so that it does not disturb what it measures.
package durations
