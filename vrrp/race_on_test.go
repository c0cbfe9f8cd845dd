//go:build race

package vrrp

const raceEnabled = true
