package expand

import (
	"fmt"
	"strings"
	"testing"

	"holdfast.dev/config/diag"
)

// FuzzExpand holds that any text ends within the limits, that its lines are well formed, and that reading it twice
// gives the same.
func FuzzExpand(f *testing.F) {
	f.Add("$A=\\\n a $B \\\n b {\n\n~SEQ(I,3) ~LST({X,Y},{1,2}) $A\n}", "@n include main\ninclude {b,c}*\n")
	f.Add("${_RANDOM 1 5} ${_PWD}${_ENV X}${_HASH} \"$A\"\n", "$A=${A}${A}x\n${A}\n$A")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 4096 {
			t.Skip("long texts only cost time")
		}
		const maxLines, maxBytes = 20_000, 1 << 20
		var first string
		for range 2 {
			files := memory("main", a, "b", b)
			l := new(diag.List)
			r := New(files, "main", Env{NodeName: "n", Dir: "/"}, l)
			r.maxLines, r.maxBytes = maxLines, maxBytes
			var out strings.Builder
			for line, ok := r.Next(); ok; line, ok = r.Next() {
				noWords := len(line.Words) == 0 && !line.Unmatched && strings.Trim(line.Text, " \t\n\v\f\r") != ""
				if line.Text == "" || noWords || !line.Pos.IsValid() || line.Pos.Col < 1 {
					t.Fatalf("bad line %+v", line)
				}
				fmt.Fprintln(&out, line.Pos, line.Text)
			}
			if r.lines > maxLines+1 || r.bytes > maxBytes+8192 || files.reads > 2 {
				t.Fatalf("took %d lines, %d bytes, %d reads", r.lines, r.bytes, files.reads)
			}
			for _, d := range l.Sorted() {
				out.WriteString(d.Render())
			}
			if first == "" {
				first = out.String()
			} else if first != out.String() {
				t.Fatal("reading twice gives different lines")
			}
		}
	})
}

// instances is a configuration of n blocks as people write them.
func instances(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "vrrp_instance VI_%d {\n    state BACKUP\n    interface eth0 # uplink\n    virtual_router_id %d\n"+
			"    priority 100\n    advert_int 1\n    authentication {\n        auth_type PASS\n        auth_pass secret\n    }\n"+
			"    virtual_ipaddress {\n        10.%d.%d.1/24 dev eth0 label \"eth0:%d\"\n    }\n}\n\n", i, i%255+1, i>>8, i&255, i)
	}
	return b.String()
}

// BenchmarkInstances reads 10,000 instance blocks.
func BenchmarkInstances(b *testing.B) {
	files := memory("main", instances(10_000))
	b.SetBytes(int64(len(files.text["main"])))
	b.ReportAllocs()
	for b.Loop() {
		if n, _, l := read(files); n != 170_000 || len(l.All()) != 0 {
			b.Fatal(n, l.All())
		}
	}
}
