package transport

import "time"

// Most is how many connections and dials there are at one time, at most.
func Most() (conns, dials int) { return maxConns, maxDials }

// Reconnection is the longest time until two sessions that can reach each other again, and rely on no connection that works, have dialled each
// other anew; the round trips of the dial itself come on top. rtt is the longest round trip that they may believe in.
//
//	until it is noticed: something is written once in keep, its acknowledgement is looked for and does not come, or nothing is heard at all
//	+ the longest pause between two dials, a quarter longer than meant
//	+ until one of as many dials as there may be is given up
func Reconnection(rtt time.Duration) time.Duration {
	notice := min(maxKeep+max(rtt*5/4, minNudge/2)+max(3*rtt, minStall), deadAfter)
	pause := max(maxGap, deniedGap) * 5 / 4
	room := max(midLife, shortLife, 3*maxGap, 8*rtt)
	return notice + pause + room
}
