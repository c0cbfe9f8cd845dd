// Command probe tells what a program finds in a guest, and ends with the status that it is told.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	status, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	data, err := os.ReadFile("/etc/some/data")
	fmt.Printf("data: %q %v\n", data, err)
	modules, err := os.ReadFile("/proc/modules")
	fmt.Println("modules:", err)
	for line := range strings.Lines(string(modules)) {
		fmt.Println("module", strings.Fields(line)[0])
	}
	fmt.Println("environment:", os.Getenv("X"))
	before := time.Now()
	time.Sleep(time.Hour)
	fmt.Printf("slept for %v\n", time.Since(before).Round(time.Second))
	fmt.Fprint(os.Stderr, "an end without a newline")
	os.Exit(status)
}
