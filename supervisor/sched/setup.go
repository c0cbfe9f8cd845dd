// Package sched gives a role its scheduling class, limits and privileges. The Go runtime makes threads whenever it likes,
// and the kernel keeps all of this per thread; so Launch changes the calling thread alone and then executes the program
// anew: all threads of the new image have it from their first instruction. (AllThreadsSyscall at real-time priority was
// seen to stand still for a second, and SCHED_RESET_ON_FORK would make the runtime's next threads ordinary ones.)
package sched

import (
	"encoding/json"
	"fmt"
	"time"

	"holdfast.dev/config"
)

// Setup is what a role runs with.
type Setup struct {
	Nice     int           `json:",omitzero"`  // -20 to 19
	RealTime int           `json:",omitzero"`  // SCHED_RR priority 1 to 99; 0 is ordinary scheduling
	RTTime   time.Duration `json:",omitzero"`  // CPU time without blocking at real-time priority until the kernel kills
	NoSwap   bool          `json:",omitzero"`  // lock all memory
	CPUs     []int         `json:",omitzero"`  // CPU numbers; empty is all
	Core     bool          `json:",omitzero"`  // core dumps of any size (-m); otherwise none
	Caps     []Cap         `json:",omitzero"`  // keep only these; see Launch
	User     *User         `json:",omitempty"` // become this user; see BecomeInPlace
	MaxProcs int           `json:",omitzero"`  // GOMAXPROCS; 0 is the runtime's choice
	Jail     bool          `json:",omitzero"`  // no files, no programs, no system calls but those that it needs; see package jail
}

// User is who a process becomes, without supplementary groups.
type User struct{ UID, GID uint32 }

// VRRP is the setup of the vrrp role for a configuration's tuning (rule Q16).
func VRRP(t *config.ProcessTuning, core bool) Setup {
	s := Setup{
		Nice: t.Nice, RealTime: t.RealTime, RTTime: t.RTTime, NoSwap: t.NoSwap, CPUs: t.CPUs, Core: core,
		Caps: []Cap{NetAdmin, NetRaw}, MaxProcs: 2, Jail: true,
	}
	if t.RealTime > 0 || t.Nice < 0 {
		s.Caps = append(s.Caps, SysNice)
	}
	if t.NoSwap {
		s.Caps = append(s.Caps, IPCLock)
	}
	return s
}

// String is the form in which Parse reads a Setup, for an environment variable.
func (s Setup) String() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic("setup: " + err.Error()) // numbers and strings always have a form
	}
	return string(data)
}

// Parse reads the form of String.
func Parse(text string) (Setup, error) {
	var s Setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Setup{}, fmt.Errorf("role setup: %w", err)
	}
	return s, nil
}
