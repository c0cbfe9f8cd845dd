package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"holdfast.dev/supervisor"
)

// release is set by the linker for releases.
var release string

// version is that of this build: the release, else what the toolchain recorded.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}

// versionText is what -v prints. Called as keepalived, the first line begins as keepalived's does, for the scripts that
// look for it.
func versionText(called string) string {
	first := fmt.Sprintf("holdfast %s (keepalived %s compatible)", version(), supervisor.KeepalivedVersion)
	if called == "keepalived" {
		first = fmt.Sprintf("Keepalived v%s (holdfast %s)", supervisor.KeepalivedVersion, version())
	}
	return fmt.Sprintf("%s\n\nBuilt with %s for %s/%s\n", first, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
