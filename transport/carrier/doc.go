// Package carrier is the role that carries adverts by UDP, TCP and TLS: all sockets, handshakes and bytes of strangers are its business, and
// it has no privilege. The election thread gives it adverts over a socket that never blocks, and gets those of peers in the same way.
//
// Each peer is a pair: a pairing.Pair under a mutex, which decides, and two goroutines for each connection. Nothing that waits is done
// under the mutex. All queues are bounded: what waits for a peer is one frame for each router.
package carrier

import "time"

// Bounds of what strangers can make us do.
const (
	maxPending      = 96 // connections that have not introduced themselves yet,
	maxStrangers    = 32 // of those, from addresses that are no peer's
	strangersAtOnce = 40 // TLS handshakes of strangers at once; then
	strangersPerSec = 20 // so many a second
	peersAtOnce     = 200
	peersPerSec     = 100
	sayEvery        = 10 * time.Second // lines about one kind of trouble
	remindAfter     = 5 * time.Second  // without a connection, which is worth a line,
	datesAfter      = time.Minute      // until the dates of certificates are looked at,
	datesEvery      = 24 * time.Hour   // and again
	remindEvery     = time.Hour        // and another one
)

// Bounds of what a peer can make us do.
const framesPerSec = 100_000 // a reader that gets more waits, and TCP makes the peer wait

const (
	userTimeout  = 10 * time.Second       // of TCP, for what is not acknowledged
	lastWords    = 200 * time.Millisecond // for the vrrp role's, which was stopped before
	settleWithin = 5 * time.Second        // for all roles to have come to one configuration
	vrrpWithin   = 5 * time.Second        // for the same when the supervisor is gone, and it hands over by itself
)
