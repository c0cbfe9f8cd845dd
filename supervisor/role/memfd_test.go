package role

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
)

func TestSealedConfigComesBackAndCannotChange(t *testing.T) {
	want := &config.Config{ID: "a", Instances: []config.Instance{{Name: "VI_1"}, {Name: "VI_2"}}}
	f, err := SealedConfig(want)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 { // a second reader of the same open file
		got, err := ReadConfig(f)
		if err != nil || !want.Equal(got) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("sealed file could be written")
	}
	if f.Truncate(0) == nil || f.Truncate(1<<20) == nil {
		t.Error("sealed file could be resized")
	}
	if _, err := unix.Mmap(int(f.Fd()), 0, 10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("sealed file could be mapped for writing")
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE); err == nil {
		t.Error("seals could be changed")
	}
}

func TestReadConfigRefuses(t *testing.T) {
	open, err := MemFile("open")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	open.WriteString("{}")
	if _, err := ReadConfig(open); err == nil {
		t.Error("a file without seals was accepted")
	}
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, []byte("{}"), 0o600)
	disk, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	if _, err := ReadConfig(disk); err == nil {
		t.Error("a file on disk was accepted")
	}
	for _, bad := range []string{"", "{", "[]", `{"Instances":7}`, "\xff"} {
		f, err := sealed("bad", []byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadConfig(f); err == nil {
			t.Errorf("%q was accepted", bad)
		}
		f.Close()
	}
	if _, err := sealed("big", make([]byte, MaxConfig+1)); err == nil {
		t.Error("too large a configuration was accepted")
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add([]byte(`{"ID":"x","Instances":[{"Name":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := sealed("fuzz", data)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		_, _ = ReadConfig(m)
	})
}
