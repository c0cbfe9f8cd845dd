package lex

// NumberProblem says what is wrong with a number.
type NumberProblem uint8

const (
	// NumberOK is a number by the rules.
	NumberOK NumberProblem = iota
	// NumberLoose is a number with garbage behind it, or with too many decimals, whose value is used all the same:
	// a warning "invalid number". It never occurs with Strict.
	NumberLoose
	// NumberInvalid is not a number.
	NumberInvalid
	// NumberRange is a number outside its range.
	NumberRange
)

// OK reports whether the value may be used.
func (p NumberProblem) OK() bool { return p <= NumberLoose }
