// Package config reads keepalived.conf and gives one immutable model of what it means, with every default filled in and
// every reference resolved, together with everything that is wrong with the file.
//
// It is pure: files come through an interface, and what only the machine can know (host name, interfaces, users, script
// files) comes in [Env]. Two loads never share anything.
package config
