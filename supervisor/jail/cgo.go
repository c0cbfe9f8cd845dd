//go:build cgo

package jail

// withC says that the program may have a C library in it, which opens files of its own when it is executed, and makes
// system calls that are on no list of ours. What is shipped has none.
const withC = true
