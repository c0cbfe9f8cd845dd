package expand

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

// forms are the include keywords and the checks that each adds to those in force (section 8).
var forms = map[string]Checks{
	"include":  0,
	"includer": CheckRead,
	"includem": CheckRead | CheckMatch,
	"includew": CheckRead | CheckMatch | CheckWildcard,
	"includeb": CheckRead | CheckBrace,
	"includea": CheckAll,
}
