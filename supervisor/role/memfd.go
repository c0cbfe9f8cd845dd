package role

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/transport"
)

// MaxConfig is the largest configuration in bytes of JSON that is handed to a role.
const MaxConfig = 64 << 20

// seals make a memfd immutable for everybody, the owner included.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// SealedConfig puts c into a memory file that nobody can change any more.
func SealedConfig(c *config.Config) (*os.File, error) { return sealedJSON("holdfast-config", c) }

// SealedTransport does the same with what the carrier is told: of the configuration, only its part.
func SealedTransport(c *transport.Config) (*os.File, error) {
	return sealedJSON("holdfast-transport", c)
}

func sealedJSON(name string, v any) (*os.File, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer clear(data) // there are passwords and keys in it
	return sealed(name, data)
}

// ReadConfig reads what SealedConfig wrote. It refuses a file that somebody could still change, one that is too large
// and one that is not a configuration. The file's offset is not used or moved: other roles hold the same open file.
func ReadConfig(f *os.File) (*config.Config, error) {
	c := new(config.Config)
	if err := readJSON(f, c); err != nil {
		return nil, err
	}
	return c, nil
}

// ReadTransport reads what SealedTransport wrote, with the same care.
func ReadTransport(f *os.File) (*transport.Config, error) {
	c := new(transport.Config)
	if err := readJSON(f, c); err != nil {
		return nil, err
	}
	return c, nil
}

func readJSON(f *os.File, v any) error {
	data, err := readSealed(f)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer clear(data) // there are passwords and keys in it
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// MemFile makes an anonymous memory file, close-on-exec, that can be sealed. The kernel is told that it is never
// executed where it knows how (6.3 on).
func MemFile(name string) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memory file: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func sealed(name string, data []byte) (*os.File, error) {
	if len(data) > MaxConfig {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", name, len(data), MaxConfig)
	}
	f, err := MemFile(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory file: %w", err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, fmt.Errorf("seal memory file: %w", err)
	}
	return f, nil
}

func readSealed(f *os.File) ([]byte, error) {
	got, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, fmt.Errorf("not a memory file: %w", err)
	}
	const need = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if got&need != need {
		return nil, errors.New("memory file is not sealed")
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > MaxConfig {
		return nil, fmt.Errorf("%d bytes, at most %d", st.Size(), MaxConfig)
	}
	data := make([]byte, st.Size())
	if _, err := f.ReadAt(data, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return data, nil
}
