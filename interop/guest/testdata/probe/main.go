// Command probe tells what a program finds in a guest.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	start := time.Now()
	for _, f := range []string{"/etc/some/data", "/proc/modules", "/proc/uptime", "/sys/devices/system/clocksource/clocksource0/current_clocksource", "/sys/devices/system/clocksource/clocksource0/available_clocksource"} {
		b, err := os.ReadFile(f)
		fmt.Printf("%s: %v %s", f, err, b)
	}
	for i := range 5 {
		at := time.Now()
		time.Sleep(time.Second)
		fmt.Println(i, time.Since(at))
	}
	at := time.Now()
	n := 0
	for i := range 100_000_000 {
		n += i ^ n
	}
	fmt.Println("loop", time.Since(at), n)
	at = time.Now()
	for range 10000 {
		os.Getppid()
	}
	fmt.Println("getppid", time.Since(at)/10000)
	at = time.Now()
	for range 10000 {
		time.Now()
	}
	fmt.Println("now", time.Since(at)/10000)
	time.Sleep(time.Hour)
	fmt.Println(time.Since(start))
	status, _ := strconv.Atoi(os.Args[1])
	os.Exit(status)
}
