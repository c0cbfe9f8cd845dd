package track

// MaxValue bounds the number of a tracked file: beyond it is held there. keepalived's own type has 32 bits.
const MaxValue = 1<<31 - 1

// MaxFile is how much of a tracked file is looked at, in bytes: more than any number takes.
const MaxFile = 128

func clampValue(v int) int { return max(min(v, MaxValue), -MaxValue) }

// ParseFile reads the number that a tracked file begins with: blanks, a sign, decimal digits (rule J11). What begins otherwise is 0, and
// ok is false unless there is nothing but blanks.
func ParseFile(text []byte) (value int, ok bool) {
	i := 0
	for i < len(text) && blank(text[i]) {
		i++
	}
	if i == len(text) {
		return 0, true
	}
	sign := 1
	if text[i] == '-' || text[i] == '+' {
		if text[i] == '-' {
			sign = -1
		}
		i++
	}
	first := i
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		value = clampValue(value*10 + int(text[i]-'0'))
	}
	return sign * value, i > first
}

func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
