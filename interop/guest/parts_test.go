package guest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/interop/guest/task"
)

// What we pack is what cpio, where there is one, and our own reading find.
func TestArchive(t *testing.T) {
	var b bytes.Buffer
	a := newArchive(&b)
	a.console()
	for n := range 9 { // every remainder of lengths of names and data
		a.bytes("/d/e"+strings.Repeat("x", n), bytes.Repeat([]byte{'y'}, n))
	}
	a.file("//d/../own", "parts_test.go")
	a.file("/own", "/no/such/file") // is there already
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	got := unpack(t, b.Bytes())
	own, err := os.ReadFile("parts_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if got["own"] != string(own) || got["d/exxxxxxxx"] != "yyyyyyyy" || got["d/e"] != "" || len(got) != 13 {
		t.Errorf("%d entries", len(got))
	}
	for _, dir := range []string{"d", "dev"} {
		if _, ok := got[dir]; !ok {
			t.Errorf("no folder %s", dir)
		}
	}
	if cpio, err := exec.LookPath("cpio"); err == nil {
		cmd := exec.Command(cpio, "-t")
		cmd.Stdin = &b
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "d/exxxx\n") {
			t.Errorf("cpio: %v\n%s", err, out)
		}
	}
}

// unpack reads an archive by its format.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	for {
		if len(b) < 110 || string(b[:6]) != "070701" {
			t.Fatalf("no header where one has to be: %.20q", b)
		}
		field := func(i int) (v int) {
			if _, err := fmt.Sscanf(string(b[6+8*i:14+8*i]), "%08x", &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
		size, nameLen := field(6), field(11)
		name := string(b[110 : 110+nameLen-1])
		start := (110 + nameLen + 3) &^ 3
		if name == "TRAILER!!!" {
			return out
		}
		if _, double := out[name]; double {
			t.Errorf("%s is there twice", name)
		}
		out[name] = string(b[start : start+size])
		b = b[start+(size+3)&^3:]
	}
}

func TestArchiveOfNoFile(t *testing.T) {
	for _, from := range []string{"/no/such/file", t.TempDir(), "/dev/null"} {
		a := newArchive(&bytes.Buffer{})
		a.file("/x", from)
		if a.close() == nil {
			t.Errorf("%s was packed", from)
		}
	}
}

func TestConsole(t *testing.T) {
	for _, c := range []struct {
		text, output string
		status       int
		err          string
	}{
		{"boot\n\n" + task.Begin + "\n\nhello\n\nworld\n\n" + task.End(3) + "\nmore\n", "\nhello\n\nworld\n", 3, ""},
		{"\n" + task.Begin + "\nno newline\n" + task.End(0) + "\n", "no newline\n", 0, ""},
		{"\n" + task.Begin + "\r\nx\r\n\r\n" + task.End(255) + "\r\n", "x\n", 255, ""},
		{"\n" + task.Begin + "\nx\nKernel panic - not syncing", "x\nKernel panic - not syncing\n", 0, errNoEnd.Error()},
		{"boot\n" + task.Fail(errors.New("no such\nfile")), "boot\n", 0, "no such file"},
		{"\n" + task.Begin + "\n" + task.End(256) + "\n", "", 0, "not an exit status"},
		{task.End(0) + "\n", "", 0, "did not begin"},
		{"", "", 0, errNoEnd.Error()},
	} {
		for _, size := range []int{1, 7, 1000} {
			var program bytes.Buffer
			con := newConsole(nil, &program)
			for part := range slices.Chunk([]byte(c.text), size) {
				if n, err := con.Write(part); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			r, err := con.result()
			if r.Output != c.output || r.Status != c.status || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %+v, %v", c.text, r, err)
			}
			if err == nil && program.String() != c.output {
				t.Errorf("%q: shown %q", c.text, program.String())
			}
		}
	}
}

func TestFlags(t *testing.T) {
	out, short, err := flags([]string{
		"-test.testlogfile=/x", "-test.paniconexit0", "-test.timeout=10m0s", "-test.run", "X", "-test.gocoverdir", "/y", "-test.v=test2json",
	})
	want := []string{"-test.timeout=0", "-test.paniconexit0", "-test.run", "X", "-test.v=test2json"}
	if err != nil || short || !slices.Equal(out, want) {
		t.Errorf("%q, %v, %v", out, short, err)
	}
	if _, short, _ = flags([]string{"-test.short"}); !short {
		t.Error("-test.short is not seen")
	}
	if _, _, err = flags([]string{"-test.cpuprofile=x"}); err == nil {
		t.Error("a profile is promised")
	}
	if len(parts(out, []string{"^TestA"})) != 1 || len(parts(nil, nil)) != 1 || len(parts([]string{"-test.v"}, []string{"^TestA", "^TestB"})) != 3 {
		t.Error("the number of guests is wrong")
	}
}

func TestModules(t *testing.T) {
	dir := t.TempDir()
	if _, err := findModules(dir); err == nil {
		t.Error("a folder without modules")
	}
	if err := os.WriteFile(filepath.Join(dir, "not-one.ko"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte("kernel/net/ipv6/ipv6.ko\nkernel/x/a-b.ko\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := findModules(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.order([]string{"ipv6", "a_b", "a-b"}); err != nil || len(got) != 0 {
		t.Errorf("what is built in: %v, %v", got, err)
	}
	for _, name := range []string{"not_one", "unknown"} {
		if _, err := m.order([]string{name}); err == nil {
			t.Errorf("%s was found", name)
		}
	}
}

func TestLibraries(t *testing.T) {
	if libs, err := libraries("parts_test.go"); err != nil || libs != nil {
		t.Errorf("of a text: %v, %v", libs, err)
	}
	libs, err := libraries("/bin/ls")
	if err != nil || !slices.ContainsFunc(libs, func(l string) bool { return strings.Contains(l, "libc.so") }) {
		t.Errorf("of ls: %v, %v", libs, err)
	}
	if _, err := libraries("/no/such/program"); err == nil {
		t.Error("of no file: no error")
	}
}
