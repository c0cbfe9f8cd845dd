// Package expand turns configuration files into the stream of lines that the keywords see: includes, conditions,
// definitions, loops (preprocessor.md sections 2 to 9). It reads files through an interface and is otherwise pure.
package expand

import (
	"holdfast.dev/config/diag"
	"holdfast.dev/config/lex"
)

// Files is how the reader reaches files. A relative path counts from the caller's working directory.
type Files interface {
	// Stat says what path is, following symbolic links. The error is for people.
	Stat(path string) (Facts, error)
	// Read reads the whole of a regular file. Facts are those of the file that was read, before reading.
	Read(path string) (text string, facts Facts, err error)
	// List names the entries of a directory, in any order, without "." and "..".
	List(dir string) ([]string, error)
}

// Facts are what the reader must know about a file before it reads it, and what tells one version from another.
type Facts struct {
	Dir     bool // a directory
	Regular bool // a regular file
	Exec    bool // any execute bit is set
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
	// Seed starts ${_RANDOM} unless SetSeed is called first; callers pass the time.
	Seed uint64
	// Dir is the absolute working directory, for ${_PWD}.
	Dir string
	// Checks are the include checks to begin with (option -e is CheckAll).
	Checks Checks
}

// Checks are the classes of include problems that count as errors (preprocessor.md section 8).
type Checks uint8

const (
	// CheckRead is for matches that can't be read, are no regular file, or are executable.
	CheckRead Checks = 1 << iota
	// CheckMatch is for a plain name that does not exist.
	CheckMatch
	// CheckWildcard is for a pattern that matches nothing.
	CheckWildcard
	// CheckBrace is for a brace alternative that matches nothing.
	CheckBrace
	// CheckAll is all of them.
	CheckAll = CheckRead | CheckMatch | CheckWildcard | CheckBrace
)

// Reader is the stream of lines of one configuration. It is not safe for concurrent use.
type Reader struct {
	files Files
	env   Env
	diags *diag.List
}

// New starts reading path, which may be a pattern that matches several files. Problems are reported to diags as they
// are met.
func New(files Files, path string, env Env, diags *diag.List) *Reader {
	return &Reader{files: files, env: env, diags: diags}
}

// Next is the next line; ok is false at the end.
func (r *Reader) Next() (line lex.Line, ok bool) { return lex.Line{}, false }

// SetIncludeCheck sets the include checks for the rest of the current file and the files that it includes. The keyword
// include_check does this.
func (r *Reader) SetIncludeCheck(c Checks) {}

// IncludeCheck is what is in force for the current file.
func (r *Reader) IncludeCheck() Checks { return 0 }

// SetSeed starts ${_RANDOM} anew. The keyword random_seed does this.
func (r *Reader) SetSeed(seed uint32) {}
