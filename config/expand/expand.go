// Package expand turns configuration files into the stream of lines that the keywords see: includes, conditions,
// definitions, loops (preprocessor.md sections 2 to 9). It reads files through an interface and is otherwise pure.
package expand

import (
	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// Limits that end a read with a Fatal diagnostic, so that no file can eat the machine.
const (
	// MaxLines is how many lines a read may take: physical lines, those of definitions, and rounds of loops.
	MaxLines = 4_000_000
	// MaxBytes is how much text a read may handle: files, lines that definitions and loops make, what braces leave of a
	// line, and a little for each use of a definition.
	MaxBytes = 256 << 20
	// MaxIncludes is how deep includes may nest; each round of a loop over includes is one deeper.
	MaxIncludes = 1000
	// MaxPending is how deep loops and definitions of several lines may nest.
	MaxPending = 100
	// MaxDefinitions is how many definitions there may be.
	MaxDefinitions = 100_000
	// MaxReplacements is how many definitions may be replaced in one line; what is beyond is left as it is.
	MaxReplacements = 1000
)

// Files is how the reader reaches files. A relative path counts from the caller's working directory.
type Files interface {
	// Stat says what path is, following symbolic links. The error is for people.
	Stat(path string) (Facts, error)
	// Read reads the whole of a regular file. The facts are those of the very file that was read. It fails for a file
	// that changes meanwhile or is too large.
	Read(path string) (text string, facts Facts, err error)
	// List names the entries of a directory, in any order, without "." and "..".
	List(dir string) ([]string, error)
}

// Resolver is what Files may offer besides: the path of a directory without symbolic links, for ${_PWD}.
type Resolver interface {
	Resolve(dir string) (string, error)
}

// Facts are what the reader must know about a file before it reads it, and what tells one version from another.
type Facts struct {
	Dir     bool // a directory
	Regular bool // a regular file
	Exec    bool // any execute bit is set
	Shared  bool // others than the owner have any permission
	// ID changes when another file is put in its place or the contents change.
	ID Identity
}

// Identity is one version of one file.
type Identity struct {
	Dev, Inode uint64
	Size       int64
	ModTime    int64 // nanoseconds since 1970
}

// Env is what the language can see of the world.
type Env struct {
	// ConfigID is what conditions are compared with and ${_INSTANCE} gives. Empty means NodeName up to its first dot.
	ConfigID string
	// NodeName is the host's node name.
	NodeName string
	// Lookup finds an environment variable for ${_ENV NAME}. Nil finds nothing.
	Lookup func(name string) (value string, ok bool)
	// Seed starts ${_RANDOM} unless SetSeed is called first; callers pass the time in seconds, as keepalived does.
	Seed uint32
	// Dir is the absolute working directory, for ${_PWD}.
	Dir string
	// Checks are the include checks to begin with (option -e is CheckAll).
	Checks Checks
}

// Reader is the stream of lines of one configuration. It is not safe for concurrent use. It reads no further than the
// line that it returned, so that SetIncludeCheck and SetSeed act on the lines that follow.
type Reader struct {
	files Files
	env   Env
	diags *diag.List

	frames  []*frame // open files, innermost last
	opened  []*diag.File
	known   map[string]version
	seq     int
	entries int // directory entries that patterns may still look at

	defs       map[string]*definition
	collecting *definition
	random     random

	pending []source // loops and definitions being expanded, innermost last
	rest    item     // what a brace left of the current line, if its text is not empty
	line    lex.Line // the one that was given last

	lines, bytes       int
	maxLines, maxBytes int
	stopped            bool
}

// frame is an open file.
type frame struct {
	file   *diag.File
	scan   lex.Scanner
	dir    string // what relative paths in it count from: empty or ending in a slash
	checks Checks
	after  *frame // the next file of the same include
}

// item is a line on its way through the steps.
type item struct {
	text  lex.Text
	pos   diag.Pos
	marks lex.Marks
	blank bool // a physical line of nothing but blanks, which ends a definition of several lines
}

// source gives lines that stand in the place of another.
type source interface {
	next(r *Reader) (item, bool)
}

// New starts reading path, which may be a pattern that matches several files. Problems are reported to diags as they
// are met. A missing main file is Fatal with class OK, because keepalived's test passes on it.
func New(files Files, path string, env Env, diags *diag.List) *Reader {
	r := &Reader{files: files, env: env, diags: diags, known: make(map[string]version)}
	r.entries, r.maxLines, r.maxBytes = MaxEntries, MaxLines, MaxBytes
	if env.ConfigID == "" {
		r.env.ConfigID = firstLabel(env.NodeName)
	}
	r.defs = builtins()
	r.random.seed(env.Seed)
	r.openMain(path)
	return r
}

// Next is the next line, which is there until the call after it; ok is false at the end, when all that had to be
// reported was.
func (r *Reader) Next() (line *lex.Line, ok bool) {
	for !r.stopped {
		it, ok := r.take()
		if !ok {
			r.finish()
			break
		}
		if it, ok = r.process(it); ok {
			r.line.Set(it.text, it.pos)
			return &r.line, true
		}
	}
	return nil, false
}

// SetIncludeCheck sets the include checks for the rest of the current file and the files that it includes. The keyword
// include_check does this.
func (r *Reader) SetIncludeCheck(c Checks) {
	if n := len(r.frames); n > 0 {
		r.frames[n-1].checks = c & CheckAll
	}
}

// IncludeCheck is what is in force for the current file.
func (r *Reader) IncludeCheck() Checks {
	if n := len(r.frames); n > 0 {
		return r.frames[n-1].checks
	}
	return r.env.Checks
}

// SetSeed starts ${_RANDOM} anew. The keyword random_seed does this.
func (r *Reader) SetSeed(seed uint32) { r.random.seed(seed) }

// Opened lists the files that were opened so far, in order. A file that was included twice is there twice.
func (r *Reader) Opened() []*diag.File { return r.opened }

// take is the next line to be processed (section 4 step 1): what a brace left, then loops and definitions, then files.
func (r *Reader) take() (item, bool) {
	if it := r.rest; it.text.S != "" {
		r.rest = item{}
		return it, r.charge(it.pos, len(it.text.S))
	}
	for n := len(r.pending); n > 0; n = len(r.pending) {
		it, ok := r.pending[n-1].next(r)
		if ok {
			return it, r.spend(it.pos, len(it.text.S))
		}
		r.pending = r.pending[:n-1]
	}
	return r.physical()
}

// spend counts a line of n bytes and stops the read when it is one too many.
func (r *Reader) spend(pos diag.Pos, n int) bool {
	r.lines++
	return r.charge(pos, n) && r.within(r.lines <= r.maxLines, pos, "the configuration has more than 4000000 lines")
}

// charge counts n bytes of text that was made.
func (r *Reader) charge(pos diag.Pos, n int) bool {
	r.bytes += n
	return r.within(r.bytes <= r.maxBytes, pos, "the configuration makes more than 256 MiB of text")
}

// within stops the read with a Fatal diagnostic unless ok.
func (r *Reader) within(ok bool, pos diag.Pos, text string) bool {
	if ok || r.stopped {
		return ok && !r.stopped
	}
	r.stopped = true
	r.report(pos, diag.Fatal, diag.FatalError, text,
		"a file that includes itself, or a loop or definition that grows without end?")
	return false
}

// push makes s the source of the next lines.
func (r *Reader) push(pos diag.Pos, s source) {
	if r.within(len(r.pending) < MaxPending, pos, "loops and definitions are nested more than 100 deep") {
		r.pending = append(r.pending, s)
	}
}

func (r *Reader) report(pos diag.Pos, s diag.Severity, c diag.Class, text, hint string) {
	r.diags.Add(diag.Diagnostic{Pos: pos, Severity: s, Class: c, Text: text, Hint: hint})
}
