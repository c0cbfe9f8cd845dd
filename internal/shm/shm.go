// Package shm maps a file into memory that several processes share.
package shm

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Map maps the first size bytes of f for reading and writing. The mapping stays when f is closed and is never undone: the
// pages that use it live as long as their process.
func Map(f *os.File, size int) ([]byte, error) {
	return mapAs(f, size, unix.PROT_READ|unix.PROT_WRITE)
}

// MapRead is Map for a file that may be open for reading only. Writing to the memory ends the process.
func MapRead(f *os.File, size int) ([]byte, error) { return mapAs(f, size, unix.PROT_READ) }

func mapAs(f *os.File, size, access int) ([]byte, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	if fi.Size() < int64(size) {
		return nil, fmt.Errorf("shared memory: %d bytes, want %d", fi.Size(), size)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, size, access, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	return mem, nil
}
