// Package jail takes from a process, for good, what it never asks the kernel for: other programs, files, foreign kinds of
// sockets. Somebody who makes the process do what he wants then has little to do it with.
//
// Files restricts by Landlock the calling thread and what it executes: it is for a thread that is about to execute this
// program anew. Calls restricts all threads of the process by a seccomp filter. Either asks for no privilege, but for
// no_new_privs to be set. docs/decisions/0008-confinement.md says why they are as they are.
package jail
